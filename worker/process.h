/*
 * A child process on the event loop: its lines out, its end, and how to stop it.
 */
#pragma once

#include "worker/orphans.h"
#include "worker/spawn.h"

#include <stdint.h>
#include <uv.h>

enum process_stream { PROCESS_OUT, PROCESS_ERRORS, PROCESS_STREAMS };

struct process;

struct process_handlers {
    /* A line without its newline; the callee may write into it. NULL: an endless one on `stream`,
     * of which nothing more will be read. */
    void (*on_line)(void *arg, enum process_stream stream, char *line);
    /* It has ended and all it wrote has been read; wait_status as from waitpid. The last call; the
     * process frees itself. */
    void (*on_exit)(void *arg, int wait_status);
    void *arg;
};

/* 0 or -errno. Handlers run from the loop only, never from here. */
int process_start(uv_loop_t *loop, const struct spawn_request *request,
                  const struct process_handlers *handlers, struct process **ret);

pid_t process_pid(const struct process *process);

/* What a child of this one is to it; ORPHANS_LEFT once it has been seen to end. */
enum orphans_kin process_kin(const struct process *process, const struct orphans_child *child);

/* Takes malloc'd text; one that no longer reads loses it, on_exit tells. */
void process_write(struct process *process, char *text);

/* SIGTERM to the process and its children, SIGKILL after grace_ms; on_exit will follow. Again:
 * harmless. */
void process_stop(struct process *process, uint64_t grace_ms);
/* SIGKILL now. */
void process_kill(struct process *process);
