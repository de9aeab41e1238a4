/*
 * What a run does most, compiled: FrameLoop, the way of ordinary frames through ReplayRunner.step and Kernel.handle,
 * TickGuard, what stands around every on_tick (engine.core.seat.guard), and mark, what is held at the last prices
 * (engine.core.ledger.mark). Once a second the frame loop holds that against the loss limits (LossWatch.is_quiet).
 *
 * FrameLoop takes frames while each is ordinary: a tick of an instrument that somebody watches, with no order of ours
 * at the exchange there, no book wanted, before the horizon. It does for such a frame what the runner and Kernel.handle
 * do, in their order, and stops at the first that is anything else, which it leaves as it found it. So whatever needs a
 * decision exists once, in Python; what stands twice are the few stores and comparisons between two ticks.
 *
 * The fields of Desk, LossWatch, Tick and Instrument are read and written where their own slots are, which their types
 * tell.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

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

/* An integer that was read, and its value: while the same object stands in a slot, so does the value. A time is three
 * digits of Python's, and takes as long to read as the rest of what is done with it. */
typedef struct {
    PyObject *object;       /* NULL: none yet */
    int64_t value;
} Known;

static inline void
know(Known *known, PyObject *object, int64_t value)
{
    if (PyLong_Check(object)) {
        Py_XSETREF(known->object, Py_NewRef(object));
        known->value = value;
    }
}

/* As integer, for a slot that mostly has what it had. */
static inline int64_t
known_integer(Known *known, PyObject *owner, Py_ssize_t offset)
{
    PyObject *object = *slot(owner, offset);
    if (object && object == known->object) {
        return known->value;
    }
    int64_t value = integer(owner, offset);
    if (value != -1 || !PyErr_Occurred()) {
        know(known, object, value);
    }
    return value;
}

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *desk;
    Py_ssize_t hook_at;
    PyObject *name;
    PyObject *function;
    PyObject *stopwatch;    /* NULL: the machine's own, which is read and not called */
    PyObject *budget;       /* what a called stopwatch's figure, which may be any number, is held against */
    int64_t budget_ns;
    PyObject *failed;
    PyObject *overran;
    PyObject *save;         /* NULL: nothing to save */
} TickGuard;

/* What time.perf_counter_ns reads where it reads CLOCK_MONOTONIC. It measures what our own work took, and decides
 * nothing in a replay. */
static inline int64_t
monotonic_ns(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec read;
    clock_gettime(CLOCK_MONOTONIC, &read);
    return (int64_t)read.tv_sec * 1000000000 + read.tv_nsec;
#else
    return 0;
#endif
}

/* Call with one argument, which it takes over, and want nothing back. */
static int
tell(PyObject *call, PyObject *argument)
{
    PyObject *done = argument ? PyObject_CallOneArg(call, argument) : NULL;
    Py_XDECREF(argument);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Hand over what the hook raised, as an except clause does: whatever is raised meanwhile names it as its context. */
static int
tell_failure(TickGuard *self)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace) {
        PyException_SetTraceback(error, trace);
    }
    Py_XDECREF(type);
    Py_XDECREF(trace);
    PyObject *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(error);
    int told = tell(self->failed, error);
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    return told;
}

/* Report a hook that was over its budget, by a stopwatch that is called. */
static int
judge(TickGuard *self, PyObject *began)
{
    PyObject *ended = PyObject_CallNoArgs(self->stopwatch);
    PyObject *took = ended ? PyNumber_Subtract(ended, began) : NULL;
    Py_XDECREF(ended);
    int is_over = took ? PyObject_RichCompareBool(took, self->budget, Py_GT) : -1;
    if (is_over == 1) {
        return tell(self->overran, took);
    }
    Py_XDECREF(took);
    return is_over;
}

/* Run the hook to its end, whatever it does. */
static int
guarded(TickGuard *self, PyObject *tick)
{
    put(self->desk, self->hook_at, Py_NewRef(self->name));
    PyObject *began = NULL;
    int64_t began_ns = 0;
    if (!self->stopwatch) {
        began_ns = monotonic_ns();
    } else if (!(began = PyObject_CallNoArgs(self->stopwatch))) {
        return -1;
    }
    PyObject *done = PyObject_CallOneArg(self->function, tick);
    if (!done) {
        Py_XDECREF(began);
        return tell_failure(self);
    }
    Py_DECREF(done);
    int judged = 0;
    if (began) {
        judged = judge(self, began);
        Py_DECREF(began);
    } else {
        int64_t took_ns = monotonic_ns() - began_ns;
        if (took_ns > self->budget_ns) {
            judged = tell(self->overran, PyLong_FromLongLong(took_ns));
        }
    }
    if (judged < 0 || !self->save) {
        return judged;
    }
    PyObject *saved = PyObject_CallNoArgs(self->save);
    Py_XDECREF(saved);
    return saved ? 0 : -1;
}

static PyObject *
TickGuard_call(PyObject *self, PyObject *const *args, size_t count, PyObject *names)
{
    if (PyVectorcall_NARGS(count) != 1 || (names && PyTuple_GET_SIZE(names))) {
        PyErr_SetString(PyExc_TypeError, "it takes a tick");
        return NULL;
    }
    if (guarded((TickGuard *)self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
TickGuard_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *words[] = {"machine_stopwatch", "desk", "name", "function", "stopwatch", "budget_ns", "failed",
                            "overran", "save", NULL};
    PyObject *machine, *desk, *name, *function, *stopwatch, *budget, *failed, *overran, *save;
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOUOOO!OOO:TickGuard", words, &machine, &desk, &name, &function,
                                     &stopwatch, &PyLong_Type, &budget, &failed, &overran, &save)) {
        return NULL;
    }
    int64_t budget_ns = PyLong_AsLongLong(budget);
    if (budget_ns == -1 && PyErr_Occurred()) {
        return NULL;
    }
#ifndef CLOCK_MONOTONIC
    machine = Py_None;
#endif
    TickGuard *self = (TickGuard *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->call = TickGuard_call;
    self->desk = Py_NewRef(desk);
    self->name = Py_NewRef(name);
    self->function = Py_NewRef(function);
    self->stopwatch = machine != Py_None && stopwatch == machine ? NULL : Py_NewRef(stopwatch);
    self->budget = Py_NewRef(budget);
    self->budget_ns = budget_ns;
    self->failed = Py_NewRef(failed);
    self->overran = Py_NewRef(overran);
    self->save = save == Py_None ? NULL : Py_NewRef(save);
    if ((self->hook_at = slot_of(Py_TYPE(desk), "hook")) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* No clear here either, for the reason FrameLoop gives. */
static int
TickGuard_traverse(TickGuard *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->desk);
    Py_VISIT(self->function);
    Py_VISIT(self->stopwatch);
    Py_VISIT(self->failed);
    Py_VISIT(self->overran);
    Py_VISIT(self->save);
    return 0;
}

static void
TickGuard_dealloc(TickGuard *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->desk);
    Py_XDECREF(self->name);
    Py_XDECREF(self->function);
    Py_XDECREF(self->stopwatch);
    Py_XDECREF(self->budget);
    Py_XDECREF(self->failed);
    Py_XDECREF(self->overran);
    Py_XDECREF(self->save);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Nothing else is freed by this, and nothing derives from a TickGuard. */
static inline bool
is_guard(PyObject *call)
{
    return Py_TYPE(call)->tp_dealloc == (destructor)TickGuard_dealloc;
}

static PyMemberDef TickGuard_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(TickGuard, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(TickGuard_doc,
             "TickGuard(machine_stopwatch, desk, name, function, stopwatch, budget_ns, failed, overran, save)\n"
             "--\n\n"
             "``engine.core.seat.guard``, compiled. A ``stopwatch`` that is ``machine_stopwatch`` is not called:\n"
             "what it reads, CLOCK_MONOTONIC, is read here.");

static PyType_Slot TickGuard_slots[] = {
    {Py_tp_doc, (void *)TickGuard_doc},
    {Py_tp_new, TickGuard_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_traverse, TickGuard_traverse},
    {Py_tp_dealloc, TickGuard_dealloc},
    {Py_tp_members, TickGuard_members},
    {0, NULL},
};

static PyType_Spec TickGuard_spec = {
    .name = "engine.runtime.hot_path.compiled.TickGuard",
    .basicsize = sizeof(TickGuard),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = TickGuard_slots,
};

/* What is held at the last prices, as engine.core.ledger.mark: 0, or -1 with an error set. A tick of another type than
 * ``kind`` says itself where its last price is. */
static int
marked(PyObject *held, PyObject *ticks, PyTypeObject *kind, Py_ssize_t last_at, double *total)
{
    *total = 0.0;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(held); place++) {
        PyObject *line = PyList_GET_ITEM(held, place);
        if (!PyTuple_Check(line) || PyTuple_GET_SIZE(line) != 3) {
            PyErr_SetString(PyExc_TypeError, "what is held is an index, units and their cost");
            return -1;
        }
        Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(line, 0));
        double quantity = PyLong_AsDouble(PyTuple_GET_ITEM(line, 1));
        double cost = PyFloat_AsDouble(PyTuple_GET_ITEM(line, 2));
        if (PyErr_Occurred()) {
            return -1;
        }
        if (index < 0 || index >= PyList_GET_SIZE(ticks)) {
            PyErr_SetString(PyExc_IndexError, "no such instrument");
            return -1;
        }
        PyObject *tick = PyList_GET_ITEM(ticks, index);
        if (tick == Py_None) {
            continue;
        }
        if (Py_TYPE(tick) != kind) {
            kind = Py_TYPE(tick);
            last_at = slot_of(kind, "last");
            if (last_at < 0) {
                return -1;
            }
        }
        PyObject *last = *slot(tick, last_at);
        double price = last ? PyFloat_AsDouble(last) : 0.0;
        if (!last || (price == -1.0 && PyErr_Occurred())) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_AttributeError, "a tick without a last price");
            }
            return -1;
        }
        *total += quantity * price - cost;
    }
    return 0;
}

typedef struct {
    PyObject_HEAD
    PyObject *desk;
    Py_ssize_t now_at, kseq_at, look_at_at, stirred_at;
    PyObject *decode;
    PyTypeObject *tick_type;
    PyTypeObject *instrument_type;
    Py_ssize_t instrument_at, index_at, last_at;
    PyObject *ticks;        /* of the paper broker, by index, as all that follow */
    PyObject *frames;
    PyObject *busy;
    PyObject *subscribed;
    PyObject *wants_depth;
    PyObject *book;         /* of the kernel */
    PyObject *routes;
    PyObject *watch;        /* on loss limits */
    Py_ssize_t floors_at, next_at_at;
    int64_t look_every;
    Known now, look_at;     /* while it runs */
} FrameLoop;

/* What became of a frame. */
enum { TAKEN, STIRRED, LEFT, FAILED };

/* How far ahead frames are brought near, how much of each (a SNAP_QUOTE and its object's head), and in what steps. */
enum { FRAMES_AHEAD = 4, FRAME_BYTES = 448, LINE_BYTES = 64 };

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
        PyObject *call = PyTuple_GET_ITEM(route, place);
        int done = is_guard(call) ? guarded((TickGuard *)call, tick) : tell(call, Py_NewRef(tick));
        if (done < 0) {
            Py_DECREF(route);
            return FAILED;
        }
    }
    Py_DECREF(route);
    return TAKEN;
}

/* Whether one of ``floors`` is broken, as LossWatch holds them; -1 with an error set. */
static int
is_any_broken(FrameLoop *self, PyObject *floors)
{
    if (!PyTuple_Check(floors)) {
        PyErr_SetString(PyExc_TypeError, "floors are a tuple");
        return -1;
    }
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(floors); place++) {
        PyObject *floor = PyTuple_GET_ITEM(floors, place);
        if (!PyTuple_Check(floor) || PyTuple_GET_SIZE(floor) != 3 || !PyList_Check(PyTuple_GET_ITEM(floor, 1))) {
            PyErr_SetString(PyExc_TypeError, "a floor is what was realised, what is held and the loss");
            return -1;
        }
        double realised = PyFloat_AsDouble(PyTuple_GET_ITEM(floor, 0)), value;
        double least = PyFloat_AsDouble(PyTuple_GET_ITEM(floor, 2));
        if (PyErr_Occurred() ||
            marked(PyTuple_GET_ITEM(floor, 1), self->book, self->tick_type, self->last_at, &value) < 0) {
            return -1;
        }
        if (realised + value <= least) {
            return 1;
        }
    }
    return 0;
}

/* The same of the floors that stand now, held while they are looked at. */
static int
is_broken(FrameLoop *self)
{
    PyObject *floors = *slot(self->watch, self->floors_at);
    if (!floors) {
        PyErr_SetString(PyExc_AttributeError, "a slot is empty");
        return -1;
    }
    Py_INCREF(floors);
    int broken = is_any_broken(self, floors);
    Py_DECREF(floors);
    return broken;
}

/* Take the look that is due at ``now``, as LossWatch.is_quiet, which mostly finds nothing to do. */
static int
looked(FrameLoop *self, int64_t now, int64_t look_at)
{
    int broken = look_at ? is_broken(self) : 1;
    if (broken) {
        return broken < 0 ? FAILED : STIRRED;
    }
    PyObject *next = PyLong_FromLongLong(now + self->look_every);
    if (!next) {
        return FAILED;
    }
    put(self->watch, self->next_at_at, Py_NewRef(next));
    put(self->desk, self->look_at_at, next);
    know(&self->look_at, next, now + self->look_every);
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
    int64_t now = known_integer(&self->now, self->desk, self->now_at), kseq = integer(self->desk, self->kseq_at);
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
    know(&self->now, received_at, at);
    PyList_SetItem(self->ticks, index, Py_NewRef(tick));
    PyList_SetItem(self->frames, index, Py_NewRef(frame));
    PyList_SetItem(self->book, index, Py_NewRef(tick));
    int done = deliver(self, index, tick);
    Py_DECREF(tick);
    if (done != TAKEN) {
        return done;
    }
    int64_t look_at = known_integer(&self->look_at, self->desk, self->look_at_at);
    if (look_at == -1 && PyErr_Occurred()) {
        return FAILED;
    }
    if (*slot(self->desk, self->stirred_at) != Py_False) {
        return STIRRED;
    }
    return at < look_at ? TAKEN : looked(self, at, look_at);
}

/* Have the processor bring a frame near before it is decoded: a batch is larger than what it keeps near by itself. An
 * address is all this takes; nothing of the frame is looked at. */
static inline void
bring_near(PyObject *frames, Py_ssize_t place)
{
#ifdef __GNUC__
    if (place < PyList_GET_SIZE(frames)) {
        const char *frame = (const char *)PyList_GET_ITEM(frames, place);
        for (int line = 0; line < FRAME_BYTES; line += LINE_BYTES) {
            __builtin_prefetch(frame + line);
        }
    }
#else
    (void)frames;
    (void)place;
#endif
}

/* Take frames from *place on, which is moved behind the last that was taken. */
static int
take_all(FrameLoop *self, PyObject *times, PyObject *frames, Py_ssize_t *place, Py_ssize_t stop, int64_t horizon)
{
    while (*place < stop) {
        /* A hook runs in between, so the lists are asked anew for every frame. */
        if (*place >= PyList_GET_SIZE(times) || *place >= PyList_GET_SIZE(frames)) {
            PyErr_SetString(PyExc_RuntimeError, "the batch changed while it was read");
            return FAILED;
        }
        PyObject *received_at = Py_NewRef(PyList_GET_ITEM(times, *place));
        PyObject *frame = Py_NewRef(PyList_GET_ITEM(frames, *place));
        bring_near(frames, *place + FRAMES_AHEAD);
        int64_t at = PyLong_AsLongLong(received_at);
        int done =
            at == -1 && PyErr_Occurred() ? FAILED : at >= horizon ? LEFT : take(self, received_at, at, frame);
        Py_DECREF(received_at);
        Py_DECREF(frame);
        if (done == FAILED || done == LEFT) {
            return done;
        }
        ++*place;
        if (done == STIRRED) {
            return STIRRED;
        }
    }
    return LEFT;
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
    int done = take_all(self, times, frames, &place, stop, horizon);
    Py_CLEAR(self->now.object);
    Py_CLEAR(self->look_at.object);
    return done == FAILED ? NULL : Py_BuildValue("nO", place, done == STIRRED ? Py_True : Py_False);
}


static PyObject *
FrameLoop_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *words[] = {"desk", "decode", "tick", "instrument", "ticks", "frames", "busy", "subscribed",
                            "wants_depth", "book", "routes", "watch", "look_every_ns", NULL};
    PyObject *desk, *decode, *ticks, *frames, *busy, *subscribed, *wants_depth, *book, *routes, *watch;
    long long look_every;
    PyTypeObject *tick, *instrument;
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOO!O!O!O!O!O!O!O!O!OL:FrameLoop", words, &desk, &decode,
                                     &PyType_Type, &tick, &PyType_Type, &instrument, &PyList_Type, &ticks,
                                     &PyList_Type, &frames, &PyList_Type, &busy, &PyByteArray_Type, &subscribed,
                                     &PyByteArray_Type, &wants_depth, &PyList_Type, &book, &PyList_Type, &routes,
                                     &watch, &look_every)) {
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
    self->watch = Py_NewRef(watch);
    self->look_every = look_every;
    PyTypeObject *owner = Py_TYPE(desk), *watching = Py_TYPE(watch);
    if ((self->now_at = slot_of(owner, "now")) < 0 || (self->kseq_at = slot_of(owner, "kseq")) < 0 ||
        (self->look_at_at = slot_of(owner, "look_at")) < 0 ||
        (self->stirred_at = slot_of(owner, "is_stirred")) < 0 ||
        (self->instrument_at = slot_of(tick, "instrument")) < 0 ||
        (self->index_at = slot_of(instrument, "index")) < 0 || (self->last_at = slot_of(tick, "last")) < 0 ||
        (self->floors_at = slot_of(watching, "floors")) < 0 ||
        (self->next_at_at = slot_of(watching, "next_at")) < 0) {
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
    Py_VISIT(self->watch);
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
    Py_XDECREF(self->watch);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef FrameLoop_methods[] = {
    {"run", (PyCFunction)FrameLoop_run, METH_VARARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(FrameLoop_doc,
             "FrameLoop(desk, decode, tick, instrument, ticks, frames, busy, subscribed, wants_depth, book, routes,\n"
             "          watch, look_every_ns)\n"
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
add(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (!type) {
        return -1;
    }
    int added = PyModule_AddObjectRef(module, name, type);
    Py_DECREF(type);
    return added;
}

static int
fill(PyObject *module)
{
    if (add(module, "FrameLoop", &FrameLoop_spec) < 0 || add(module, "TickGuard", &TickGuard_spec) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "SOURCE_SHA256", SOURCE_SHA256);
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
    double total;
    if (marked(args[0], args[1], NULL, -1, &total) < 0) {
        return NULL;
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
