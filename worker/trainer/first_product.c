#include "worker/trainer/first_product.h"

#include "worker/nn/gemm.h"
#include "worker/trainer_status.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Large enough for OpenBLAS to take its buffers: small products go without. */
enum { SIZE = 160, WITHIN_S = 2 /* of CPU time; it takes milliseconds */ };

static char complaint[256];

static void on_too_long(int number)
{
    (void)number;
    ssize_t n = write(STDERR_FILENO, complaint, strlen(complaint));
    (void)n;
    _exit(TRAINER_NO_MEMORY);
}

static void word_complaint(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        snprintf(
            complaint, sizeof(complaint),
            "error OpenBLAS cannot have its memory: the first matrix product does not end; the "
            "limit of address space is %llu KiB, raise it (ulimit -v)\n",
            (unsigned long long)limit.rlim_cur / 1024);
    } else {
        snprintf(complaint, sizeof(complaint),
                 "error the first matrix product does not end: OpenBLAS cannot have its memory\n");
    }
}

static void set_alarm(int seconds)
{
    struct itimerval timer = {.it_value.tv_sec = seconds};

    setitimer(ITIMER_PROF, &timer, NULL);
}

void first_product(void)
{
    static float a[SIZE * SIZE], b[SIZE * SIZE], c[SIZE * SIZE];

    for (int i = 0; i < SIZE * SIZE; i++) {
        a[i] = (float)(i % 7 - 3);
        b[i] = (float)(i % 11 - 5);
    }
    word_complaint();
    signal(SIGPROF, on_too_long);
    set_alarm(WITHIN_S);
    gemm_nn(SIZE, SIZE, SIZE, a, b, c);
    set_alarm(0);
    signal(SIGPROF, SIG_DFL);
}
