/*
 * What a run does most, compiled: FrameLoop, the way of ordinary frames through ReplayRunner.step and Kernel.handle,
 * and mark, what is held at the last prices (engine.core.ledger.mark).
 *
 * FrameLoop takes frames while each is ordinary: a tick of an instrument that somebody watches, with no order of ours
 * at the exchange there, no book wanted, before the horizon. It does for such a frame what the runner and Kernel.handle
 * do, in their order, and stops at the first that is anything else, which it leaves as it found it. So whatever needs a
 * decision exists once, in Python; what stands twice are the few stores and comparisons between two ticks.
 *
 * The fields of Desk, Tick and Instrument are read and written where their own slots are, which their types tell.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>

#ifndef SOURCE_SHA256
#error "SOURCE_SHA256 is the sha256 of this file, in quotes; hatch_build.py defines it"
#endif

/* Where a type with __slots__ keeps an attribute; -1 with an error set where it is none of its slots. */
static Py_ssize_t
slot_of(PyTypeObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (!found) {
        return -1;
    }
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_DECREF(found);
    if (offset < 0) {
        PyErr_Format(PyExc_TypeError, "%s.%s is no slot", type->tp_name, name);
    }
    return offset;
}

static inline PyObject **
slot(PyObject *owner, Py_ssize_t offset)
{
    return (PyObject **)((char *)owner + offset);
}

/* Put a new reference where another one may have been. */
static inline void
put(PyObject *owner, Py_ssize_t offset, PyObject *value)
{
    PyObject **at = slot(owner, offset), *before = *at;
    *at = value;
    Py_XDECREF(before);
}

/* The integer in a slot; -1 with an error set where there is none. */
static inline int64_t
integer(PyObject *owner, Py_ssize_t offset)
{
    PyObject *value = *slot(owner, offset);
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "a slot is empty");
        return -1;
    }
    return PyLong_AsLongLong(value);
}

typedef struct {
    PyObject_HEAD
    PyObject *desk;
    Py_ssize_t now_at, kseq_at, look_at_at, stirred_at;
    PyObject *decode;
    PyTypeObject *tick_type;
    PyTypeObject *instrument_type;
    Py_ssize_t instrument_at, index_at;
    PyObject *ticks;        /* of the paper broker, by index, as all that follow */
    PyObject *frames;
    PyObject *busy;
    PyObject *subscribed;
    PyObject *wants_depth;
    PyObject *book;         /* of the kernel */
    PyObject *routes;
} FrameLoop;

/* What became of a frame. */
enum { TAKEN, STIRRED, LEFT, FAILED };

/* How many instruments all the lists have room for: a hook may be anything, and so may have shortened one. */
static inline Py_ssize_t
room(FrameLoop *self)
{
    PyObject *lists[] = {self->ticks, self->frames, self->busy, self->book, self->routes};
    PyObject *marks[] = {self->subscribed, self->wants_depth};
    Py_ssize_t least = PY_SSIZE_T_MAX;
    for (int which = 0; which < 5; which++) {
        least = Py_MIN(least, PyList_GET_SIZE(lists[which]));
    }
    for (int which = 0; which < 2; which++) {
        least = Py_MIN(least, PyByteArray_GET_SIZE(marks[which]));
    }
    return least;
}

/* The place of a tick's instrument; -1 where this is no tick, or of none we keep. */
static inline Py_ssize_t
index_of(FrameLoop *self, PyObject *tick)
{
    if (!Py_IS_TYPE(tick, self->tick_type)) {
        return -1;
    }
    PyObject *instrument = *slot(tick, self->instrument_at);
    if (!instrument || !Py_IS_TYPE(instrument, self->instrument_type)) {
        return -1;
    }
    Py_ssize_t index = PyLong_AsSsize_t(*slot(instrument, self->index_at));
    return index < room(self) ? index : -1;
}

/* Call what listens to an instrument, in order; what is added or taken out meanwhile counts from the next tick on. */
static int
deliver(FrameLoop *self, Py_ssize_t index, PyObject *tick)
{
    PyObject *route = PyList_GET_ITEM(self->routes, index);
    if (!PyTuple_CheckExact(route)) {
        PyErr_SetString(PyExc_TypeError, "a route is a tuple of calls");
        return FAILED;
    }
    Py_INCREF(route);
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(route); place++) {
        PyObject *done = PyObject_CallOneArg(PyTuple_GET_ITEM(route, place), tick);
        if (!done) {
            Py_DECREF(route);
            return FAILED;
        }
        Py_DECREF(done);
    }
    Py_DECREF(route);
    return TAKEN;
}

/* One frame, of which the time is known to be before the horizon. */
static int
take(FrameLoop *self, PyObject *received_at, int64_t at, PyObject *frame)
{
    PyObject *arguments[] = {frame, received_at};
    PyObject *tick = PyObject_Vectorcall(self->decode, arguments, 2, NULL);
    if (!tick) {
        if (!PyErr_ExceptionMatches(PyExc_Exception)) {
            return FAILED;
        }
        PyErr_Clear();
        return LEFT;
    }
    Py_ssize_t index = index_of(self, tick);
    if (index < 0 || PyObject_IsTrue(PyList_GET_ITEM(self->busy, index)) ||
        !PyByteArray_AS_STRING(self->subscribed)[index] || PyByteArray_AS_STRING(self->wants_depth)[index]) {
        Py_DECREF(tick);
        if (PyErr_Occurred()) {
            return FAILED;
        }
        return LEFT;
    }
    int64_t now = integer(self->desk, self->now_at), kseq = integer(self->desk, self->kseq_at);
    if (PyErr_Occurred() || at < now) {
        Py_DECREF(tick);
        return PyErr_Occurred() ? FAILED : LEFT;
    }
    PyObject *next = PyLong_FromLongLong(kseq + 1);
    if (!next) {
        Py_DECREF(tick);
        return FAILED;
    }
    put(self->desk, self->kseq_at, next);
    put(self->desk, self->now_at, Py_NewRef(received_at));
    PyList_SetItem(self->ticks, index, Py_NewRef(tick));
    PyList_SetItem(self->frames, index, Py_NewRef(frame));
    PyList_SetItem(self->book, index, Py_NewRef(tick));
    int done = deliver(self, index, tick);
    Py_DECREF(tick);
    if (done != TAKEN) {
        return done;
    }
    int64_t look_at = integer(self->desk, self->look_at_at);
    if (look_at == -1 && PyErr_Occurred()) {
        return FAILED;
    }
    return at >= look_at || *slot(self->desk, self->stirred_at) != Py_False ? STIRRED : TAKEN;
}

PyDoc_STRVAR(run_doc,
             "run($self, received_at, payloads, start, stop, horizon)\n--\n\n"
             "Handle ordinary frames from ``start`` on; return where the next one is, and whether the last\n"
             "that was taken led to something, which ``Kernel.conclude`` must finish.");

static PyObject *
FrameLoop_run(FrameLoop *self, PyObject *args)
{
    PyObject *times, *frames;
    Py_ssize_t place, stop;
    long long horizon;
    if (!PyArg_ParseTuple(args, "O!O!nnL:run", &PyList_Type, &times, &PyList_Type, &frames, &place, &stop,
                          &horizon)) {
        return NULL;
    }
    if (place < 0 || stop > PyList_GET_SIZE(times) || stop > PyList_GET_SIZE(frames)) {
        PyErr_SetString(PyExc_IndexError, "no such frames");
        return NULL;
    }
    int done = LEFT;
    while (place < stop) {
        /* A hook runs in between, so the lists are asked anew for every frame. */
        if (place >= PyList_GET_SIZE(times) || place >= PyList_GET_SIZE(frames)) {
            PyErr_SetString(PyExc_RuntimeError, "the batch changed while it was read");
            return NULL;
        }
        PyObject *received_at = Py_NewRef(PyList_GET_ITEM(times, place));
        PyObject *frame = Py_NewRef(PyList_GET_ITEM(frames, place));
        int64_t at = PyLong_AsLongLong(received_at);
        done = at == -1 && PyErr_Occurred() ? FAILED : at >= horizon ? LEFT : take(self, received_at, at, frame);
        Py_DECREF(received_at);
        Py_DECREF(frame);
        if (done == FAILED) {
            return NULL;
        }
        if (done == LEFT) {
            break;
        }
        place++;
        if (done == STIRRED) {
            break;
        }
    }
    return Py_BuildValue("nO", place, done == STIRRED ? Py_True : Py_False);
}

static PyObject *
FrameLoop_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *words[] = {"desk", "decode", "tick", "instrument", "ticks", "frames", "busy", "subscribed",
                            "wants_depth", "book", "routes", NULL};
    PyObject *desk, *decode, *ticks, *frames, *busy, *subscribed, *wants_depth, *book, *routes;
    PyTypeObject *tick, *instrument;
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOO!O!O!O!O!O!O!O!O!:FrameLoop", words, &desk, &decode,
                                     &PyType_Type, &tick, &PyType_Type, &instrument, &PyList_Type, &ticks,
                                     &PyList_Type, &frames, &PyList_Type, &busy, &PyByteArray_Type, &subscribed,
                                     &PyByteArray_Type, &wants_depth, &PyList_Type, &book, &PyList_Type, &routes)) {
        return NULL;
    }
    FrameLoop *self = (FrameLoop *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->desk = Py_NewRef(desk);
    self->decode = Py_NewRef(decode);
    self->tick_type = (PyTypeObject *)Py_NewRef(tick);
    self->instrument_type = (PyTypeObject *)Py_NewRef(instrument);
    self->ticks = Py_NewRef(ticks);
    self->frames = Py_NewRef(frames);
    self->busy = Py_NewRef(busy);
    self->subscribed = Py_NewRef(subscribed);
    self->wants_depth = Py_NewRef(wants_depth);
    self->book = Py_NewRef(book);
    self->routes = Py_NewRef(routes);
    PyTypeObject *owner = Py_TYPE(desk);
    if ((self->now_at = slot_of(owner, "now")) < 0 || (self->kseq_at = slot_of(owner, "kseq")) < 0 ||
        (self->look_at_at = slot_of(owner, "look_at")) < 0 ||
        (self->stirred_at = slot_of(owner, "is_stirred")) < 0 ||
        (self->instrument_at = slot_of(tick, "instrument")) < 0 ||
        (self->index_at = slot_of(instrument, "index")) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* There is no clear, as a tuple has none: a cycle through this object goes through one that has. */
static int
FrameLoop_traverse(FrameLoop *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->desk);
    Py_VISIT(self->decode);
    Py_VISIT(self->tick_type);
    Py_VISIT(self->instrument_type);
    Py_VISIT(self->ticks);
    Py_VISIT(self->frames);
    Py_VISIT(self->busy);
    Py_VISIT(self->book);
    Py_VISIT(self->routes);
    return 0;
}

static void
FrameLoop_dealloc(FrameLoop *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->desk);
    Py_XDECREF(self->decode);
    Py_XDECREF(self->tick_type);
    Py_XDECREF(self->instrument_type);
    Py_XDECREF(self->ticks);
    Py_XDECREF(self->frames);
    Py_XDECREF(self->busy);
    Py_XDECREF(self->subscribed);
    Py_XDECREF(self->wants_depth);
    Py_XDECREF(self->book);
    Py_XDECREF(self->routes);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef FrameLoop_methods[] = {
    {"run", (PyCFunction)FrameLoop_run, METH_VARARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(FrameLoop_doc,
             "FrameLoop(desk, decode, tick, instrument, ticks, frames, busy, subscribed, wants_depth, book, routes)\n"
             "--\n\n"
             "The way of ordinary frames through ``ReplayRunner.step`` and ``Kernel.handle``, compiled.");

static PyType_Slot FrameLoop_slots[] = {
    {Py_tp_doc, (void *)FrameLoop_doc},
    {Py_tp_new, FrameLoop_new},
    {Py_tp_traverse, FrameLoop_traverse},
    {Py_tp_dealloc, FrameLoop_dealloc},
    {Py_tp_methods, FrameLoop_methods},
    {0, NULL},
};

static PyType_Spec FrameLoop_spec = {
    .name = "engine.runtime.hot_path.compiled.FrameLoop",
    .basicsize = sizeof(FrameLoop),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = FrameLoop_slots,
};

static int
fill(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &FrameLoop_spec, NULL);
    if (!type) {
        return -1;
    }
    int added = PyModule_AddObjectRef(module, "FrameLoop", type);
    Py_DECREF(type);
    return added < 0 ? -1 : PyModule_AddStringConstant(module, "SOURCE_SHA256", SOURCE_SHA256);
}

PyDoc_STRVAR(mark_doc,
             "mark($module, held, ticks)\n--\n\n"
             "``engine.core.ledger.mark``, compiled.");

static PyObject *
mark(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 2 || !PyList_Check(args[0]) || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "mark takes a list of what is held and one of ticks");
        return NULL;
    }
    PyObject *held = args[0], *ticks = args[1];
    PyTypeObject *kind = NULL;
    Py_ssize_t last_at = -1;
    double total = 0.0;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(held); place++) {
        PyObject *line = PyList_GET_ITEM(held, place);
        if (!PyTuple_Check(line) || PyTuple_GET_SIZE(line) != 3) {
            PyErr_SetString(PyExc_TypeError, "what is held is an index, units and their cost");
            return NULL;
        }
        Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(line, 0));
        double quantity = PyLong_AsDouble(PyTuple_GET_ITEM(line, 1));
        double cost = PyFloat_AsDouble(PyTuple_GET_ITEM(line, 2));
        if (PyErr_Occurred()) {
            return NULL;
        }
        if (index < 0 || index >= PyList_GET_SIZE(ticks)) {
            PyErr_SetString(PyExc_IndexError, "no such instrument");
            return NULL;
        }
        PyObject *tick = PyList_GET_ITEM(ticks, index);
        if (tick == Py_None) {
            continue;
        }
        if (Py_TYPE(tick) != kind) {
            kind = Py_TYPE(tick);
            last_at = slot_of(kind, "last");
            if (last_at < 0) {
                return NULL;
            }
        }
        PyObject *last = *slot(tick, last_at);
        double price = last ? PyFloat_AsDouble(last) : 0.0;
        if (!last || (price == -1.0 && PyErr_Occurred())) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_AttributeError, "a tick without a last price");
            }
            return NULL;
        }
        total += quantity * price - cost;
    }
    return PyFloat_FromDouble(total);
}

static PyMethodDef module_methods[] = {
    {"mark", (PyCFunction)(void (*)(void))mark, METH_FASTCALL, mark_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "compiled",
    .m_doc = "What a run does most, compiled.",
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_compiled(void)
{
    return PyModuleDef_Init(&module);
}
