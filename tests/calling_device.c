/* A device that goes on calling after the interpreter has ended: a thread, and a wait at the end of the process. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <time.h>

typedef int Callback(const void *, void *, unsigned long, const void *, unsigned long, void *);

static Callback *callback;
static void *data;
static volatile int calls, stop;
static float out[480 * 2];

static void rest(long nanoseconds)
{
    struct timespec pause = {0, nanoseconds};
    nanosleep(&pause, NULL);
}

static void *run(void *unused)
{
    double times[3] = {0, 0, 0.02};
    while (!stop) {
        callback(NULL, out, 480, times, 0, data);
        calls++;
        rest(100000);
    }
    return unused;
}

void begin(Callback *function, void *user)
{
    static pthread_t thread;
    callback = function;
    data = user;
    pthread_create(&thread, NULL, run, NULL);
}

/* Runs when the interpreter is gone. */
__attribute__((destructor)) static void after_the_end(void)
{
    int before = calls;
    rest(100000000);
    stop = 1;
    printf("%d calls after the end, the last with %g\n", calls - before, (double)out[0]);
    fflush(stdout);
}
