/*
 * The compiled twin of AngelDecoder.tick's short way (decoder.py, beside this file).
 *
 * It answers for a frame only where that way would: bytes of a known length, a key the Python decoder knows, every
 * field there, the flags in order. Whatever else comes (another type, an absent field, an unknown or new key, a text
 * frame) is handed to the Python decoder whole, which decides, raises and learns. So the two cannot come to disagree
 * about anything but the arithmetic and the conditions below, and those the tests compare bit by bit.
 *
 * Offsets: protocols/angelone.md section 3.4. Little endian throughout, whatever the machine is.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef SOURCE_SHA256
#error "SOURCE_SHA256 is the sha256 of this file, in quotes; hatch_build.py defines it"
#endif

enum {
    LTP = 1,
    QUOTE = 2,
    SNAP_QUOTE = 3,

    KEY_BYTES = 27,   /* mode, exchange, token */
    LTP_BYTES = 51,
    QUOTE_BYTES = 123,
    SNAP_BYTES = 379,

    AT_TIME_MS = 35,
    AT_LAST = 43,
    AT_LAST_QTY = 51,
    AT_AVERAGE = 59,
    AT_VOLUME = 67,
    AT_OPEN = 91,
    AT_HIGH = 99,
    AT_LOW = 107,
    AT_CLOSE = 115,
    AT_OPEN_INTEREST = 131,
    AT_ROWS = 147,    /* of flag, quantity, price, orders */
    ROW_BYTES = 20,
    AT_BID_QTY = AT_ROWS + 2,
    AT_BID = AT_ROWS + 10,
    AT_ASK_QTY = AT_BID_QTY + 5 * ROW_BYTES,
    AT_ASK = AT_BID + 5 * ROW_BYTES,

    BUY = 1,
    SELL = 0,

    /* What engine.model.market.Tick is built with, by position. */
    LTP_FIELDS = 5,
    QUOTE_FIELDS = 12,
    SNAP_FIELDS = 17,

    SLOT_BITS = 13,   /* Angel One lets three sockets carry a thousand instruments each */
    SLOTS = 1 << SLOT_BITS,

    QUANTITY_BITS = 10,     /* of lots, so that few of them are many frames' */
    QUANTITIES = 1 << QUANTITY_BITS,
};

/* Up to here an integer is a double exactly, and one division rounds as Python's int / int does. */
static const int64_t EXACT = (int64_t)1 << 53;
static const int64_t NS_PER_MS = 1000000;
static const int64_t TIME_BOUND_MS = INT64_MAX / 1000000;

/* What a frame had in a field, and the number that was made of it. */
typedef struct {
    int64_t wire;
    PyObject *number;       /* NULL: none yet */
} Field;

/* The fields that mostly stay what they are from frame to frame: the day's. */
enum { AVERAGE, OPEN, HIGH, LOW, CLOSE, OPEN_INTEREST, DAY_FIELDS };

/* A key that was looked up once. The dictionaries only ever grow, so what was found stays true. */
typedef struct {
    unsigned char key[KEY_BYTES];
    PyObject *instrument;   /* NULL: no key yet */
    Field *day;             /* DAY_FIELDS of them; NULL: none yet */
} Slot;

typedef struct {
    PyObject_HEAD
    PyObject *tick;         /* the AngelDecoder's, for whatever is not plain */
    PyObject *depth;        /* the same */
    PyObject *make;         /* the class Tick */
    PyObject *source;
    PyObject *known[3];     /* the AngelDecoder's instruments by their keys, by mode - 1 */
    PyObject *time_ns;      /* of time_ms: the exchange stamps whole seconds */
    int64_t time_ms;
    Slot *slots;
    Field quantities[QUANTITIES];
} Decoder;

/* Eight bytes as a number, least significant first: one load where that is the machine's own order. */
static inline uint64_t
word(const unsigned char *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

static inline int64_t
integer(const unsigned char *frame, int at)
{
    return (int64_t)word(frame + at);
}

static inline int
flag(const unsigned char *frame, int row)
{
    const unsigned char *at = frame + AT_ROWS + row * ROW_BYTES;
    return at[0] | at[1] << 8;
}

/* A price that is there, and of which (double)paise / 100.0 is what Python's paise / 100 is. */
static inline bool
is_price(int64_t paise)
{
    return paise && -EXACT <= paise && paise <= EXACT;
}

static inline PyObject *
rupees(const unsigned char *frame, int at)
{
    return PyFloat_FromDouble((double)integer(frame, at) / 100.0);
}

static inline PyObject *
quantity(const unsigned char *frame, int at)
{
    return PyLong_FromLongLong(integer(frame, at));
}

/* A new reference to a number that is made anew only where the wire has another one than was kept. */
static PyObject *
kept(Field *field, const unsigned char *frame, int at, PyObject *(*make)(const unsigned char *, int))
{
    int64_t wire = integer(frame, at);
    if (!field->number || field->wire != wire) {
        PyObject *made = make(frame, at);
        if (!made) {
            return NULL;
        }
        Py_XSETREF(field->number, made);
        field->wire = wire;
    }
    return Py_NewRef(field->number);
}

/* A quantity of one print or of one level, kept by what it is: there are few that come again and again. */
static inline PyObject *
kept_quantity(Decoder *self, const unsigned char *frame, int at)
{
    uint64_t mixed = (uint64_t)integer(frame, at) * 0x9E3779B97F4A7C15u;
    return kept(self->quantities + (mixed >> (64 - QUANTITY_BITS)), frame, at, quantity);
}

/* Borrowed: the time of this frame in nanoseconds. */
static PyObject *
time_of(Decoder *self, int64_t time_ms)
{
    if (!self->time_ns || time_ms != self->time_ms) {
        PyObject *made = PyLong_FromLongLong(time_ms * NS_PER_MS);
        if (!made) {
            return NULL;
        }
        Py_XSETREF(self->time_ns, made);
        self->time_ms = time_ms;
    }
    return self->time_ns;
}

/* Where the instrument of this key in this mode is kept; NULL where none is known, or with an error set. */
static Slot *
slot_of(Decoder *self, const unsigned char *key, int mode)
{
    if (key[0] != mode) {
        return NULL;
    }
    if (!self->slots) {
        self->slots = PyMem_Calloc(SLOTS, sizeof(Slot));
        if (!self->slots) {
            PyErr_NoMemory();
            return NULL;
        }
    }
    /* Mode, exchange and a token's digits stand in the first sixteen bytes; the product's top bits depend on all. */
    uint64_t first = word(key), second = word(key + 8);
    uint64_t mixed = (first ^ (second << 29 | second >> 35)) * 0x9E3779B97F4A7C15u;
    Slot *slot = self->slots + (mixed >> (64 - SLOT_BITS));
    if (slot->instrument && memcmp(slot->key, key, KEY_BYTES) == 0) {
        return slot;
    }
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)key, KEY_BYTES);
    if (!bytes) {
        return NULL;
    }
    PyObject *found = PyDict_GetItemWithError(self->known[mode - 1], bytes);
    Py_DECREF(bytes);
    if (!found) {
        return NULL;
    }
    if (!slot->day && !(slot->day = PyMem_Calloc(DAY_FIELDS, sizeof(Field)))) {
        PyErr_NoMemory();
        return NULL;
    }
    /* What another instrument left in the day stays true: the same bytes make the same number. */
    memcpy(slot->key, key, KEY_BYTES);
    Py_XSETREF(slot->instrument, Py_NewRef(found));
    return slot;
}

/* Whether nothing is absent or beyond our arithmetic, and the book is five buys and then a sell. */
static inline bool
is_plain(const unsigned char *frame, int mode)
{
    int64_t time_ms = integer(frame, AT_TIME_MS);
    if (!is_price(integer(frame, AT_LAST)) || time_ms < -TIME_BOUND_MS || time_ms > TIME_BOUND_MS) {
        return false;
    }
    if (mode >= QUOTE && !(integer(frame, AT_LAST_QTY) && is_price(integer(frame, AT_AVERAGE)) &&
                           is_price(integer(frame, AT_OPEN)) && is_price(integer(frame, AT_HIGH)) &&
                           is_price(integer(frame, AT_LOW)) && is_price(integer(frame, AT_CLOSE)))) {
        return false;
    }
    if (mode >= SNAP_QUOTE) {
        for (int row = 0; row < 5; row++) {
            if (flag(frame, row) != BUY) {
                return false;
            }
        }
        return flag(frame, 5) == SELL && integer(frame, AT_OPEN_INTEREST) && integer(frame, AT_BID_QTY) &&
               is_price(integer(frame, AT_BID)) && integer(frame, AT_ASK_QTY) && is_price(integer(frame, AT_ASK));
    }
    return true;
}

/* The short way. NULL without an error set: this frame is for the Python decoder. */
static PyObject *
short_way(Decoder *self, const unsigned char *frame, Py_ssize_t length, PyObject *received_at)
{
    int mode = length == LTP_BYTES ? LTP : length == QUOTE_BYTES ? QUOTE : length == SNAP_BYTES ? SNAP_QUOTE : 0;
    if (!mode || !is_plain(frame, mode)) {
        return NULL;
    }
    Slot *slot = slot_of(self, frame, mode);
    if (!slot) {
        return NULL;
    }
    PyObject *time_ns = time_of(self, integer(frame, AT_TIME_MS));
    if (!time_ns) {
        return NULL;
    }
    /* As Tick names them. Instrument, source and the two times are borrowed, the rest is new. */
    PyObject *fields[SNAP_FIELDS] = {slot->instrument, self->source, rupees(frame, AT_LAST), time_ns, received_at};
    Field *day = slot->day;
    int count = LTP_FIELDS;
    if (mode >= QUOTE) {
        fields[5] = kept_quantity(self, frame, AT_LAST_QTY);
        fields[6] = quantity(frame, AT_VOLUME);
        fields[7] = kept(day + AVERAGE, frame, AT_AVERAGE, rupees);
        fields[8] = kept(day + OPEN, frame, AT_OPEN, rupees);
        fields[9] = kept(day + HIGH, frame, AT_HIGH, rupees);
        fields[10] = kept(day + LOW, frame, AT_LOW, rupees);
        fields[11] = kept(day + CLOSE, frame, AT_CLOSE, rupees);
        count = QUOTE_FIELDS;
    }
    if (mode >= SNAP_QUOTE) {
        fields[12] = kept(day + OPEN_INTEREST, frame, AT_OPEN_INTEREST, quantity);
        fields[13] = rupees(frame, AT_BID);
        fields[14] = rupees(frame, AT_ASK);
        fields[15] = kept_quantity(self, frame, AT_BID_QTY);
        fields[16] = kept_quantity(self, frame, AT_ASK_QTY);
        count = SNAP_FIELDS;
    }
    bool is_whole = true;
    for (int field = 0; field < count; field++) {
        is_whole = is_whole && fields[field];
    }
    PyObject *made = is_whole ? PyObject_Vectorcall(self->make, fields, (size_t)count, NULL) : NULL;
    Py_XDECREF(fields[2]);
    for (int field = LTP_FIELDS; field < count; field++) {
        Py_XDECREF(fields[field]);
    }
    return made;
}

PyDoc_STRVAR(tick_doc,
             "tick($self, frame, received_at)\n--\n\n"
             "Return the tick of ``frame``, as ``AngelDecoder.tick`` does.");

static PyObject *
Decoder_tick(Decoder *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (count == 2 && !names && PyBytes_CheckExact(args[0])) {
        const unsigned char *frame = (const unsigned char *)PyBytes_AS_STRING(args[0]);
        PyObject *made = short_way(self, frame, PyBytes_GET_SIZE(args[0]), args[1]);
        if (made || PyErr_Occurred()) {
            return made;
        }
    }
    return PyObject_Vectorcall(self->tick, args, (size_t)count, names);
}

PyDoc_STRVAR(depth_doc,
             "depth($self, frame, received_at)\n--\n\n"
             "Return the book of ``frame``: ``AngelDecoder.depth`` itself.");

static PyObject *
Decoder_depth(Decoder *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    return PyObject_Vectorcall(self->depth, args, (size_t)count, names);
}

static PyObject *
Decoder_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *words[] = {"python", "make", "source", "ltp", "quote", "snap", NULL};
    PyObject *python, *make, *source, *ltp, *quote, *snap;
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOUO!O!O!:CompiledDecoder", words, &python, &make, &source,
                                     &PyDict_Type, &ltp, &PyDict_Type, &quote, &PyDict_Type, &snap)) {
        return NULL;
    }
    Decoder *self = (Decoder *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->tick = PyObject_GetAttrString(python, "tick");
    self->depth = self->tick ? PyObject_GetAttrString(python, "depth") : NULL;
    if (!self->depth) {
        Py_DECREF(self);
        return NULL;
    }
    self->make = Py_NewRef(make);
    self->source = Py_NewRef(source);
    self->known[0] = Py_NewRef(ltp);
    self->known[1] = Py_NewRef(quote);
    self->known[2] = Py_NewRef(snap);
    return (PyObject *)self;
}

/* There is no clear, as a tuple has none: a cycle through this object goes through one that has. */
static int
Decoder_traverse(Decoder *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->tick);
    Py_VISIT(self->depth);
    Py_VISIT(self->make);
    for (int mode = 0; mode < 3; mode++) {
        Py_VISIT(self->known[mode]);
    }
    for (int slot = 0; self->slots && slot < SLOTS; slot++) {
        Py_VISIT(self->slots[slot].instrument);
    }
    return 0;
}

static void
Decoder_dealloc(Decoder *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->tick);
    Py_XDECREF(self->depth);
    Py_XDECREF(self->make);
    Py_XDECREF(self->source);
    Py_XDECREF(self->time_ns);
    for (int mode = 0; mode < 3; mode++) {
        Py_XDECREF(self->known[mode]);
    }
    for (Slot *slot = self->slots; slot && slot < self->slots + SLOTS; slot++) {
        Py_XDECREF(slot->instrument);
        for (int field = 0; slot->day && field < DAY_FIELDS; field++) {
            Py_XDECREF(slot->day[field].number);
        }
        PyMem_Free(slot->day);
    }
    PyMem_Free(self->slots);
    for (int place = 0; place < QUANTITIES; place++) {
        Py_XDECREF(self->quantities[place].number);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef Decoder_methods[] = {
    {"tick", (PyCFunction)(void (*)(void))Decoder_tick, METH_FASTCALL | METH_KEYWORDS, tick_doc},
    {"depth", (PyCFunction)(void (*)(void))Decoder_depth, METH_FASTCALL | METH_KEYWORDS, depth_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(Decoder_doc,
             "CompiledDecoder(python, make, source, ltp, quote, snap)\n--\n\n"
             "``python``, an ``AngelDecoder``, with the short way of its ``tick`` compiled.");

static PyType_Slot Decoder_slots[] = {
    {Py_tp_doc, (void *)Decoder_doc},
    {Py_tp_new, Decoder_new},
    {Py_tp_traverse, Decoder_traverse},
    {Py_tp_dealloc, Decoder_dealloc},
    {Py_tp_methods, Decoder_methods},
    {0, NULL},
};

static PyType_Spec Decoder_spec = {
    .name = "brokers.angelone.normalize.compiled.CompiledDecoder",
    .basicsize = sizeof(Decoder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Decoder_slots,
};

static int
fill(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &Decoder_spec, NULL);
    if (!type) {
        return -1;
    }
    int added = PyModule_AddObjectRef(module, "CompiledDecoder", type);
    Py_DECREF(type);
    return added < 0 ? -1 : PyModule_AddStringConstant(module, "SOURCE_SHA256", SOURCE_SHA256);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "compiled",
    .m_doc = "The compiled twin of AngelDecoder.tick's short way.",
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_compiled(void)
{
    return PyModuleDef_Init(&module);
}
