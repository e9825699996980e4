/* The audio callback in C against a writer that does, at random, everything a writer may do.

   The main thread is the event loop: it writes, withdraws, pauses, changes the gain, cuts, finishes, goes on to another
   ring (a barge-in), and frees rings as `oggstream.sinks.native` does. The other thread is the device: it calls
   `oggstream_callback` with blocks of random sizes, and rests only while the writer goes back (`PcmRing.rewind`).

   Each sample says its position, its generation (a withdrawal begins a new one), and the factor it was multiplied by.
   So a sample that was withdrawn, or never written, is noticed even where no sanitizer sees anything.

   usage: harness BLOCKS SEED */

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t pick(uint64_t *state, int64_t most)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (int64_t)((*state >> 11) % (uint64_t)(most + 1));
}

/* Now and then, before an access whose order matters, let the other thread do something. */
static void stutter(void)
{
    static _Thread_local uint64_t state = 88172645463325252u;
    volatile int64_t turns = pick(&state, 63) ? 0 : pick(&state, 3000);
    if (turns > 2900)
        sched_yield();
    while (turns-- > 0)
        ;
}

#undef atomic_load
#undef atomic_store
#undef atomic_fetch_and
#undef atomic_compare_exchange_strong
#define atomic_load(slot) (stutter(), atomic_load_explicit((slot), memory_order_seq_cst))
#define atomic_store(slot, value) (stutter(), atomic_store_explicit((slot), (value), memory_order_seq_cst))
#define atomic_fetch_and(slot, bits) (stutter(), atomic_fetch_and_explicit((slot), (bits), memory_order_seq_cst))
#define atomic_compare_exchange_strong(slot, old, value) \
    (stutter(), \
        atomic_compare_exchange_strong_explicit((slot), (old), (value), memory_order_seq_cst, memory_order_seq_cst))

#include "callback.c"

enum { WHAT_CHANNELS = 3, LARGEST = 96, CAPACITY = 400, KEPT = 100, MEMORY = CAPACITY + KEPT };
enum { GENERATIONS = 1 << 13, EXACT = 1 << 22 /* a float holds such numbers */, RETIRED = 1024 };
static const int64_t NEVER = INT64_MAX;

typedef struct {
    int64_t *slots;
    int64_t lowest; /* position whose sample is still in memory */
    int64_t calls;  /* that may have seen it */
} Ring;

static int64_t output[LONGEST + 1];
static Ring rings[2];           /* the one before, and the present one */
static Ring retired[RETIRED];   /* not to be freed yet */
static int retired_count;
static int64_t generation;      /* of what is written now; 0 is silence */
static int64_t begins[GENERATIONS], ends[GENERATIONS]; /* positions, by generation */

static _Atomic int64_t blocks_left, resting, rested;
static _Atomic int64_t seen; /* the generation that the device has reached */
static int64_t device_generation, device_position = -1; /* of the sample checked last; the device's, but when it rests */
static int64_t sounding, checked, withdrawals, rewinds, barges, freed;
static uint64_t chance;

static void expect(int good, const char *what, int64_t one, int64_t other)
{
    if (good)
        return;
    fprintf(stderr, "harness: %s (%lld, %lld)\n", what, (long long)one, (long long)other);
    abort();
}

/* The device. */

static void check_sample(const float *sample, int follows)
{
    int64_t position = (int64_t)sample[0], last = atomic_load(&seen);
    int64_t distance = ((int64_t)sample[1] - last + EXACT / 2) & (EXACT - 1); /* the sample holds the last 22 bits */
    int64_t number = last + distance - EXACT / 2, slot = number & (GENERATIONS - 1);
    if (number == device_generation) {
        expect(follows ? position == device_position + 1 : position > device_position, "samples are lost or twice",
            position, device_position);
    } else if (device_generation) {
        expect(number > device_generation, "a sample is older than the one before it", number, device_generation);
        expect(device_position < ends[device_generation & (GENERATIONS - 1)], "a sample was withdrawn", device_position,
            ends[device_generation & (GENERATIONS - 1)]);
    }
    expect(position >= begins[slot], "a sample is from before its generation", position, begins[slot]);
    device_generation = number;
    device_position = position;
    checked++;
}

static void check_block(const float *out, int64_t count)
{
    int64_t index;
    int follows = 0, sounds = 0;
    for (index = 0; index < count; index++, out += WHAT_CHANNELS) {
        int readable = out[2] == 1.0f;
        if (readable)
            check_sample(out, follows);
        else
            expect(out[2] >= 0 && out[2] < 1, "a sample is none of ours", (int64_t)(out[2] * 1e6), index);
        sounds |= readable;
        follows = readable;
    }
    sounding += sounds;
    if (sounds)
        atomic_store(&seen, device_generation);
    else
        sched_yield(); /* let the writer go on */
}

static void *device(void *seed)
{
    static float out[LARGEST * WHAT_CHANNELS + 8];
    Times times = {0, 0, 0};
    int64_t frames, guard;
    uint64_t state = *(uint64_t *)seed;
    while (atomic_fetch_sub(&blocks_left, 1) > 0) {
        if (atomic_load(&resting)) {
            atomic_store(&rested, 1);
            while (atomic_load(&resting))
                sched_yield();
            atomic_store(&rested, 0);
        }
        frames = 1 + pick(&state, pick(&state, 999) ? 3 : LARGEST - 1);
        times.dac = times.called + 0.02 + (pick(&state, 999) ? 0.0 : 0.5);
        for (guard = 0; guard < 8; guard++)
            out[frames * WHAT_CHANNELS + guard] = 7.0f;
        oggstream_callback(NULL, out, (unsigned long)frames, &times, pick(&state, 99) ? 0 : 4, output);
        for (guard = 0; guard < 8; guard++)
            expect(out[frames * WHAT_CHANNELS + guard] == 7.0f, "written behind the block", frames, guard);
        times.called += (double)frames / 48000.0;
        check_block(out, frames);
    }
    atomic_store(&rested, 1); /* for good */
    return NULL;
}

/* The writer: what `oggstream.audio.ring` and `oggstream.sinks.native` do. */

static void next_generation(int64_t begin, int64_t end_of_last)
{
    ends[generation & (GENERATIONS - 1)] = end_of_last;
    generation++;
    begins[generation & (GENERATIONS - 1)] = begin;
    ends[generation & (GENERATIONS - 1)] = NEVER;
}

static void write_samples(Ring *ring, int64_t most)
{
    float *samples = (float *)(ring->slots + SAMPLES);
    int64_t written = LOAD(ring->slots + WRITTEN);
    int64_t count = least(most, CAPACITY - (written - LOAD(ring->slots + READ))), index, place;
    for (index = 0; index < count; index++) {
        place = (written + index) % MEMORY;
        samples[place * WHAT_CHANNELS] = (float)(written + index);
        samples[place * WHAT_CHANNELS + 1] = (float)(generation & (EXACT - 1));
        samples[place * WHAT_CHANNELS + 2] = 1.0f;
    }
    if (count <= 0)
        sched_yield(); /* let the device go on */
    else if (LOAD(ring->slots + LENGTH) < 0)
        STORE(ring->slots + WRITTEN, written + count);
    if (count > 0 && written + count - MEMORY > ring->lowest)
        ring->lowest = written + count - MEMORY;
}

static void withdraw(Ring *ring, int64_t position)
{
    int64_t was = LOAD(ring->slots + WRITTEN), now;
    if (generation - atomic_load(&seen) > GENERATIONS / 2)
        return; /* the tables would be overwritten */
    now = oggstream_withdraw(ring->slots, position);
    expect(now <= was && now >= least(position, was), "withdrawn to the wrong place", now, position);
    if (now < was)
        next_generation(now, now);
    withdrawals++;
}

static void look(Ring *ring)
{
    int64_t count = LOAD(ring->slots + LOG_COUNT), number, *entry;
    for (number = LOAD(ring->slots + LOG_TAKEN); number < count; number++) {
        entry = ring->slots + LOG + 3 * (number % LOG_SIZE);
        expect(entry[0] >= BEGUN && entry[0] <= CORRECTED, "an entry of the log is none", entry[0], number);
        expect(entry[1] >= 0 && entry[1] <= LOAD(ring->slots + READ) + MEMORY, "a place in the log", entry[1], number);
    }
    STORE(ring->slots + LOG_TAKEN, count);
}

static void go_back(Ring *ring)
{
    int64_t read, position;
    atomic_store(&resting, 1);
    while (!atomic_load(&rested))
        sched_yield();
    read = LOAD(ring->slots + READ);
    position = read - pick(&chance, KEPT);
    position = position > ring->lowest ? position : ring->lowest;
    if (position < read) {
        STORE(ring->slots + READ, position);
        ring->slots[LEVEL] = 0;
        device_generation = 0;
        rewinds++;
    }
    atomic_store(&resting, 0);
    while (atomic_load(&rested) && atomic_load(&blocks_left) > 0)
        sched_yield(); /* or the next rest would begin within this one */
}

static Ring make_ring(void)
{
    Ring ring = {calloc(1, sizeof(int64_t) * SAMPLES + sizeof(float) * WHAT_CHANNELS * MEMORY), 0, 0};
    expect(ring.slots != NULL, "no memory", 0, 0);
    ring.slots[CHANNELS] = WHAT_CHANNELS;
    ring.slots[RATE] = 48000;
    ring.slots[SIZE] = MEMORY;
    ring.slots[FADE] = ring.slots[LEVEL] = 8;
    ring.slots[SLIP] = 480;
    ring.slots[LENGTH] = -1;
    set_number(ring.slots + GAIN_STEP, 0.1);
    set_number(ring.slots + GAIN, 1.0);
    set_number(ring.slots + GAIN_NOW, 1.0);
    return ring;
}

static void free_what_no_call_can_be_in(void)
{
    int64_t returned = LOAD(output + RETURNED);
    int index, kept = 0;
    for (index = 0; index < retired_count; index++) {
        if (retired[index].calls <= returned) {
            free(retired[index].slots);
            freed++;
        } else {
            retired[kept++] = retired[index];
        }
    }
    retired_count = kept;
}

static void play_another(void)
{
    Ring ring;
    free_what_no_call_can_be_in();
    if (retired_count == RETIRED || generation - atomic_load(&seen) > GENERATIONS / 2)
        return;
    ring = make_ring();
    ring.slots[BEFORE] = LOAD(output + RING);
    STORE_IN_ORDER(output + RING, (int64_t)(intptr_t)ring.slots);
    rings[0].calls = LOAD_IN_ORDER(output + CALLBACKS);
    if (rings[0].slots)
        retired[retired_count++] = rings[0];
    rings[0] = rings[1];
    rings[1] = ring;
    next_generation(0, NEVER);
    barges++;
}

static void act(void)
{
    Ring *ring = &rings[1];
    int64_t *slots = ring->slots, what = pick(&chance, 9999);
    if (pick(&chance, 4095) == 0)
        look(ring); /* so seldom that the log is full at times */
    if (what < 7000) {
        write_samples(ring, pick(&chance, 2 * LARGEST));
    } else if (what < 9500) {
        withdraw(ring, LOAD(slots + READ) + pick(&chance, pick(&chance, 3) ? CAPACITY : 3));
    } else if (what < 9800) {
        STORE(slots + PLAYING, 1);
    } else if (what < 9850) {
        STORE(slots + PAUSED, pick(&chance, 7) == 0);
    } else if (what < 9900) {
        set_number(slots + GAIN, pick(&chance, 7) ? 1.0 : 0.5);
    } else if (what < 9950) {
        STORE(slots + RESUME_FILL, pick(&chance, LARGEST));
    } else if (what < 9970) {
        go_back(ring);
    } else if (what < 9975) {
        STORE(slots + CUTTING, 1);
    } else if (what < 9980) {
        STORE(slots + LENGTH, LOAD(slots + WRITTEN));
    } else if (what < 9985 || LOAD(slots + WRITTEN) > EXACT) {
        play_another();
    }
    if ((LOAD(slots + CUTTING) || LOAD(slots + LENGTH) >= 0) && pick(&chance, 9) == 0)
        play_another();
}

int main(int count, char **words)
{
    int64_t blocks = count > 1 ? atoll(words[1]) : 1000000;
    uint64_t seed = (count > 2 ? strtoull(words[2], NULL, 10) : 1) * 0x9E3779B97F4A7C15u | 1, other = ~seed;
    pthread_t thread;
    chance = seed;
    output[WIDTH] = WHAT_CHANNELS;
    set_number(output + OFFSET, -INFINITY);
    atomic_store(&blocks_left, blocks);
    play_another();
    expect(!pthread_create(&thread, NULL, device, &other), "no thread", 0, 0);
    while (atomic_load(&blocks_left) > 0)
        act();
    pthread_join(thread, NULL);
    free_what_no_call_can_be_in();
    expect(!retired_count, "a ring is never freed", retired_count, 0);
    free(rings[0].slots);
    free(rings[1].slots);
    printf("%lld blocks, %lld of them with sound; %lld samples checked; %lld withdrawals, %lld rewinds, %lld rings, "
           "%lld of them freed while the device called\n",
        (long long)blocks, (long long)sounding, (long long)checked, (long long)withdrawals, (long long)rewinds,
        (long long)barges, (long long)freed);
    return 0;
}
