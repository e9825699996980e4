/* The device's callback in C. It reads the ring that `oggstream.audio.block` lays out, without the interpreter's lock.

   It takes no lock, allocates nothing and calls nothing in Python, so busy threads and garbage collection cannot delay
   it. `oggstream.audio.reading` is the same in Python and explains the steps; a test compares the two. What the two
   sides of a ring may assume of each other, and in which order, is written down in `oggstream.audio.block`.

   Only the system's headers are needed, not Python's or PortAudio's: one build serves every version of Python. */

#define _POSIX_C_SOURCE 200809L /* for clock_gettime */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER)
#include <windows.h>
#define EXPORTED __declspec(dllexport)
/* All of these are sequentially consistent. */
#define LOAD(slot) _InterlockedOr64((volatile __int64 *)(slot), 0)
#define STORE(slot, value) (void)_InterlockedExchange64((volatile __int64 *)(slot), (value))
#define LOAD_IN_ORDER(slot) LOAD(slot)
#define STORE_IN_ORDER(slot, value) STORE(slot, value)
#define FETCH_OR(slot, bits) _InterlockedOr64((volatile __int64 *)(slot), (bits))
#define FETCH_AND(slot, bits) _InterlockedAnd64((volatile __int64 *)(slot), (bits))
#define REPLACE(slot, old, value) (_InterlockedCompareExchange64((volatile __int64 *)(slot), (value), (old)) == (old))
#define FENCE() MemoryBarrier()
#else
#include <stdatomic.h>
#define ATOMIC(slot) ((_Atomic int64_t *)(slot))
#define LOAD(slot) atomic_load_explicit(ATOMIC(slot), memory_order_acquire)
#define STORE(slot, value) atomic_store_explicit(ATOMIC(slot), (value), memory_order_release)
/* The following are sequentially consistent: all threads see them in one order. */
#define LOAD_IN_ORDER(slot) atomic_load(ATOMIC(slot))
#define STORE_IN_ORDER(slot, value) atomic_store(ATOMIC(slot), (value))
#define FETCH_OR(slot, bits) atomic_fetch_or(ATOMIC(slot), (bits))
#define FETCH_AND(slot, bits) atomic_fetch_and(ATOMIC(slot), (bits))
#define REPLACE(slot, old, value) atomic_compare_exchange_strong(ATOMIC(slot), &(int64_t){(old)}, (value))
#define FENCE() atomic_thread_fence(memory_order_seq_cst)
#if defined(_WIN32)
#include <windows.h>
#define EXPORTED __declspec(dllexport)
#else
#include <time.h>
#define EXPORTED __attribute__((visibility("default")))
#endif
#endif

/* The slots of a ring: the same numbers as in audio/block.py. */
#define LAYOUT 2
enum {
    CHANNELS, RATE, SIZE, FADE, SLIP, GAIN_STEP, BEFORE,
    WRITTEN = 8, LENGTH, PLAYING, RESUME_FILL, CUTTING, PAUSED, GAIN, LOG_TAKEN,
    READ = 16, GUARD, SILENCED, LEVEL, GAIN_NOW, STALLS, RESUMED, LACK, LACK_BEFORE, LINE_POSITION, LINE_TIME, LOG_COUNT,
    LOG = 32
};
#define LOG_SIZE 256
#define SAMPLES (LOG + 3 * LOG_SIZE)
enum { BEGUN, WENT_ON, CORRECTED };
static const int64_t MARK = (int64_t)1 << 62; /* in WRITTEN: a withdrawal is under way, and no block began since */

/* The slots of an output: the same numbers as in sinks/native.py. */
enum {
    RING, LEAD, LATENCY, WIDTH, CALLBACKS, RETURNED, UNDERFLOWS, PLAYED, OFFSET, CALLED, AHEAD, BLOCK, HOLDS, TOLD, LONGEST
};

static const double PI = 3.141592653589793;
static const double CREEP_SECONDS = 1e-6; /* see sinks/device_clock.py */
static const double STEP_SECONDS = 0.5;
static const int64_t SETTLING_CALLS = 20;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static double number(const int64_t *slot)
{
    int64_t bits = LOAD(slot);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void set_number(int64_t *slot, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    STORE(slot, bits);
}

static int lacking(const int64_t *ring) { return LOAD(ring + STALLS) != LOAD(ring + RESUMED); }

/* The protocol keeps `fill` within 0 and SIZE; this does not rely on it. */
static int64_t available(const int64_t *ring, int64_t written, int64_t wanted, int ended, int falling, int playing)
{
    int64_t fill = written - ring[READ];
    if (!playing || ring[SILENCED] || ring[READ] < 0 || fill <= 0)
        return 0;
    if (falling && (lacking(ring) || (LOAD(ring + PAUSED) && !ring[LOG_COUNT])))
        return 0;
    if (lacking(ring) && !ended && fill < LOAD(ring + RESUME_FILL))
        return 0;
    fill = least(least(fill, wanted), ring[SIZE]);
    return falling ? least(fill, ring[LEVEL]) : fill;
}

static void copy(const int64_t *ring, float *out, int64_t count)
{
    const float *samples = (const float *)(ring + SAMPLES);
    int64_t channels = ring[CHANNELS], size = ring[SIZE];
    int64_t start = ring[READ] % size, head = least(count, size - start);
    memcpy(out, samples + start * channels, (size_t)(head * channels) * sizeof *out);
    memcpy(out + head * channels, samples, (size_t)((count - head) * channels) * sizeof *out);
}

static void note(int64_t *ring, int64_t what, int64_t position, double at)
{
    int64_t count = ring[LOG_COUNT], *entry = ring + LOG + 3 * (count % LOG_SIZE);
    if (count - LOAD(ring + LOG_TAKEN) >= LOG_SIZE)
        return;
    entry[0] = what;
    entry[1] = position;
    set_number(entry + 2, at);
    ring[LINE_POSITION] = position;
    set_number(ring + LINE_TIME, at);
    STORE(ring + LOG_COUNT, count + 1);
}

static void place(int64_t *ring, int64_t position, double at)
{
    if (!ring[LOG_COUNT]) {
        note(ring, BEGUN, position, at);
        set_number(ring + GAIN_NOW, number(ring + GAIN));
        STORE(ring + RESUMED, ring[STALLS]);
    } else if (lacking(ring)) {
        note(ring, WENT_ON, position, at);
        ring[LEVEL] = 0;
        STORE(ring + RESUMED, ring[STALLS]);
    } else {
        double due = number(ring + LINE_TIME) + (double)(position - ring[LINE_POSITION]) / (double)ring[RATE];
        if (fabs(due - at) * (double)ring[RATE] >= (double)ring[SLIP])
            note(ring, CORRECTED, position, at);
    }
}

static void note_lack(int64_t *ring, int64_t missing)
{
    if (!lacking(ring)) {
        STORE(ring + LACK_BEFORE, ring[LACK]);
        STORE(ring + STALLS, ring[STALLS] + 1);
    }
    STORE(ring + LACK, ring[LACK] + missing);
}

static void multiply(int64_t *ring, float *out, int64_t count, int64_t level, int64_t target)
{
    int64_t channels = ring[CHANNELS], distance = target < level ? level - target : target - level;
    int64_t steps = least(count, distance), index, channel;
    double whole = (double)ring[FADE], step = number(ring + GAIN_STEP);
    double now = number(ring + GAIN_NOW), gain = number(ring + GAIN), at, factor;
    for (index = 0; index < count; index++) {
        now = now > gain ? fmax(gain, now - step) : fmin(gain, now + step);
        at = index < steps ? (double)level + (double)((target - level) * (index + 1)) / (double)steps : (double)target;
        at /= whole;
        factor = at == 1.0 ? now : now * (0.5 - 0.5 * cos(PI * at));
        for (channel = 0; channel < channels; channel++, out++)
            *out = (float)((double)*out * factor);
    }
    set_number(ring + GAIN_NOW, now);
}

static void shape(int64_t *ring, float *out, int64_t count, int64_t wanted, int cutting, int falling)
{
    int64_t level = ring[LEVEL], whole = ring[FADE], target = level;
    if (cutting || (falling && ring[LOG_COUNT]))
        target = count < least(wanted, level) ? 0 : level - count; /* starved: the fade ends with what there is */
    else if (count)
        target = least(level + count, whole);
    if (!level || !count)
        set_number(ring + GAIN_NOW, number(ring + GAIN));
    if (count && (least(level, target) < whole || number(ring + GAIN) != 1.0 || number(ring + GAIN_NOW) != 1.0))
        multiply(ring, out, count, level, target);
    ring[LEVEL] = target;
    if (cutting && !target)
        STORE(ring + SILENCED, 1);
}

/* PcmRing.read_into: fill `out` with `wanted` samples of all channels, heard at time `at`. */
EXPORTED int64_t oggstream_read(int64_t *ring, float *out, int64_t wanted, double at)
{
    int64_t count, written, channels = ring[CHANNELS];
    int ended, playing, cutting, falling;
    if (wanted <= 0)
        return 0;
    if (wanted > ring[GUARD])
        STORE_IN_ORDER(ring + GUARD, wanted);
    ended = LOAD(ring + LENGTH) >= 0; /* before WRITTEN: once the end is known, all samples are there */
    playing = LOAD(ring + PLAYING) != 0; /* before WRITTEN, too: what was withdrawn before the beginning is gone */
    written = FETCH_AND(ring + WRITTEN, ~MARK) & ~MARK; /* from here on no withdrawal touches this block */
    cutting = LOAD(ring + CUTTING) != 0;
    falling = cutting || LOAD(ring + PAUSED);
    count = available(ring, written, wanted, ended, falling, playing);
    if (count) {
        place(ring, ring[READ], at);
        copy(ring, out, count);
    }
    shape(ring, out, count, wanted, cutting, falling);
    if (count < wanted) {
        memset(out + count * channels, 0, (size_t)((wanted - count) * channels) * sizeof *out);
        if (playing && !ended && !falling)
            note_lack(ring, wanted - count);
    }
    STORE_IN_ORDER(ring + READ, ring[READ] + count);
    return count;
}

/* PcmRing.withdraw, called by the writer: take back what was written at `position` and later; return the new WRITTEN.

   A reader that begins a block takes the mark away, and the exchange fails: then its position and the size of its block
   are read again. So a withdrawal takes effect between two blocks, and neither side waits for the other. */
EXPORTED int64_t oggstream_withdraw(int64_t *ring, int64_t position)
{
    int64_t written, kept;
    if (LOAD(ring + LENGTH) >= 0)
        return LOAD(ring + WRITTEN);
    do {
        written = FETCH_OR(ring + WRITTEN, MARK) & ~MARK;
        kept = LOAD_IN_ORDER(ring + READ);
        if (LOAD(ring + PLAYING))
            kept += LOAD_IN_ORDER(ring + GUARD);
        kept = least(written, kept > position ? kept : position);
    } while (!REPLACE(ring + WRITTEN, written | MARK, kept));
    return kept;
}

/* Seconds on a clock of this library's choice. */
EXPORTED double oggstream_clock(void)
{
#if defined(_WIN32)
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return (double)ticks.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
}

EXPORTED void oggstream_fence(void) { FENCE(); }

EXPORTED int oggstream_layout(void) { return LAYOUT; }

/* PaStreamCallbackTimeInfo of portaudio.h. */
typedef struct {
    double input, called, dac;
} Times;

/* DacClock.at of sinks/device_clock.py. */
static double heard_at(int64_t *output, const Times *times)
{
    double now = oggstream_clock(), offset = now - times->called, before = number(output + OFFSET);
    set_number(output + CALLED, now);
    set_number(output + AHEAD, times->dac - times->called);
    if (times->dac <= times->called)
        return now + number(output + LATENCY);
    if (offset - before < STEP_SECONDS) /* `before` is minus infinity at first */
        offset = fmin(offset, before + CREEP_SECONDS);
    set_number(output + OFFSET, offset);
    return times->dac + offset;
}

/* LateCalls.is_late of sinks/device_clock.py. */
static int is_late(int64_t *output, double called)
{
    double holds = number(output + HOLDS), gap = called - number(output + TOLD);
    set_number(output + TOLD, called);
    if (holds <= 0 || output[CALLBACKS] <= SETTLING_CALLS || gap <= holds || gap >= STEP_SECONDS)
        return 0;
    set_number(output + LONGEST, fmax(gap, number(output + LONGEST)));
    return 1;
}

/* PaStreamCallback of portaudio.h; `user` are the slots of an output. */
EXPORTED int oggstream_callback(
    const void *input, void *out, unsigned long frames, const Times *times, unsigned long flags, void *user)
{
    int64_t *output = user, *ring, *before;
    double at;
    int late;
    (void)input;
    STORE_IN_ORDER(output + CALLBACKS, output[CALLBACKS] + 1);
    /* Whoever takes a ring away waits for RETURNED if this call may have seen it. */
    ring = (int64_t *)(intptr_t)LOAD_IN_ORDER(output + RING);
    late = is_late(output, times->called);
    if (late || flags & 4) /* paOutputUnderflow, which not every system tells */
        STORE(output + UNDERFLOWS, output[UNDERFLOWS] + 1);
    at = heard_at(output, times);
    before = ring ? (int64_t *)(intptr_t)LOAD(ring + BEFORE) : NULL;
    if (before && LOAD(before + CUTTING) && !before[SILENCED])
        ring = before; /* its fade comes first */
    if (ring && output[PLAYED] >= LOAD(output + LEAD))
        oggstream_read(ring, out, (int64_t)frames, at);
    else
        memset(out, 0, frames * sizeof(float) * (size_t)LOAD(output + WIDTH));
    STORE(output + BLOCK, (int64_t)frames);
    STORE(output + PLAYED, output[PLAYED] + (int64_t)frames);
    STORE(output + RETURNED, output[RETURNED] + 1);
    return 0; /* paContinue */
}
