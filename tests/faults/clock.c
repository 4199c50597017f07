/* A clock that jumps once: to be loaded before the C library, so that all of a process sees it: Python, HDF5, and whatever else.

   CLOCK_JUMP="AT BY": from AT [s since 1970] on, BY [s] are added. The clock that never jumps (CLOCK_MONOTONIC) is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, found);
    const char *jump = getenv("CLOCK_JUMP");
    if (jump && !code && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        char *by;
        if ((double)found->tv_sec + 1e-9 * (double)found->tv_nsec >= strtod(jump, &by))
            found->tv_sec += (time_t)strtod(by, NULL);
    }
    return code;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int code = clock_gettime(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return code;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found)
        *found = now.tv_sec;
    return now.tv_sec;
}
