#include "worker/process.h"

#include "worker/lines.h"
#include "worker/machine.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A grandchild that left the group may hold the pipes open: no longer waited for than this. */
#define LAST_OUTPUT_MS 500

struct process {
    struct process_handlers handlers;
    pid_t pid;
    char run[ORPHANS_RUN_SIZE];
    int64_t start_time;
    int pid_fd;
    uv_poll_t exit_poll;
    uv_timer_t timer; /* SIGKILL after SIGTERM; then the wait for the last output */
    uv_pipe_t in;
    struct stream {
        uv_pipe_t pipe;
        struct lines lines;
        bool ended;
    } streams[PROCESS_STREAMS];
    bool stopping, exited, finished;
    int wait_status;
    int n_handles; /* not closed yet */
};

static void free_process(struct process *process)
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        lines_finish(&process->streams[i].lines);
    }
    free(process);
}

/* ---- its end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->n_handles == 0) {
        free_process(process);
    }
}

static void close_handles(struct process *process)
{
    uv_close((uv_handle_t *)&process->exit_poll, on_handle_closed);
    uv_close((uv_handle_t *)&process->timer, on_handle_closed);
    uv_close((uv_handle_t *)&process->in, on_handle_closed);
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        uv_close((uv_handle_t *)&process->streams[i].pipe, on_handle_closed);
    }
    close(process->pid_fd);
}

static void finish(struct process *process)
{
    process->finished = true;
    close_handles(process);
    process->handlers.on_exit(process->handlers.arg, process->wait_status);
}

static void finish_if_over(struct process *process)
{
    if (!process->finished && process->exited && process->streams[PROCESS_OUT].ended &&
        process->streams[PROCESS_ERRORS].ended) {
        finish(process);
    }
}

static void on_last_output_late(uv_timer_t *timer)
{
    struct process *process = timer->data;
    if (!process->finished) {
        finish(process);
    }
}

static void on_exit_poll(uv_poll_t *poll, int status, int events)
{
    struct process *process = poll->data;
    (void)status, (void)events;
    kill(-process->pid, SIGKILL); /* what it started ends with it; the zombie keeps its group */
    if (waitpid(process->pid, &process->wait_status, WNOHANG) != process->pid) {
        return;
    }
    process->exited = true;
    uv_poll_stop(&process->exit_poll);
    uv_timer_start(&process->timer, on_last_output_late, LAST_OUTPUT_MS, 0);
    finish_if_over(process);
}

/* ---- what it says ---- */

static struct stream *stream_of(const void *pipe, enum process_stream *ret_which)
{
    struct process *process = ((const uv_handle_t *)pipe)->data;
    *ret_which = pipe == &process->streams[PROCESS_OUT].pipe ? PROCESS_OUT : PROCESS_ERRORS;
    return &process->streams[*ret_which];
}

static void on_room(uv_handle_t *pipe, size_t suggested, uv_buf_t *ret)
{
    enum process_stream which;
    struct stream *stream = stream_of(pipe, &which);
    size_t size;
    char *room = lines_room(&stream->lines, &size);
    (void)suggested;
    *ret = uv_buf_init(room, (unsigned)size);
}

static void end_stream(struct process *process, struct stream *stream)
{
    stream->ended = true;
    uv_read_stop((uv_stream_t *)&stream->pipe);
    finish_if_over(process);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buffer)
{
    struct process *process = pipe->data;
    enum process_stream which;
    struct stream *stream = stream_of(pipe, &which);
    char *line;
    (void)buffer;
    if (n > 0) {
        lines_added(&stream->lines, (size_t)n);
        while ((line = lines_next(&stream->lines))) {
            process->handlers.on_line(process->handlers.arg, which, line);
        }
    } else if (n == UV_ENOBUFS) {
        process->handlers.on_line(process->handlers.arg, which, NULL);
        end_stream(process, stream);
    } else if (n < 0) {
        if ((line = lines_rest(&stream->lines))) {
            process->handlers.on_line(process->handlers.arg, which, line);
        }
        end_stream(process, stream);
    }
}

/* ---- what it is told ---- */

struct text_write {
    uv_write_t request;
    char *text;
};

static void on_written(uv_write_t *request, int status)
{
    struct text_write *write = (struct text_write *)request;
    (void)status;
    free(write->text);
    free(write);
}

void process_write(struct process *process, char *text)
{
    struct text_write *write = malloc(sizeof *write);
    if (!write || process->finished) {
        free(write);
        free(text);
        return;
    }
    write->text = text;
    uv_buf_t buffer = uv_buf_init(text, (unsigned)strlen(text));
    if (uv_write(&write->request, (uv_stream_t *)&process->in, &buffer, 1, on_written) < 0) {
        on_written(&write->request, 0);
    }
}

static void on_grace_over(uv_timer_t *timer)
{
    process_kill(timer->data);
}

void process_stop(struct process *process, uint64_t grace_ms)
{
    if (process->stopping || process->exited) {
        return;
    }
    process->stopping = true;
    kill(-process->pid, SIGTERM);
    uv_timer_start(&process->timer, on_grace_over, grace_ms, 0);
}

void process_kill(struct process *process)
{
    if (!process->exited) {
        kill(-process->pid, SIGKILL);
    }
}

/* ---- its start ---- */

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

enum orphans_kin process_kin(const struct process *process, const struct orphans_child *child)
{
    if (process->exited) {
        return ORPHANS_LEFT;
    }
    if (child->pid == process->pid) {
        return ORPHANS_TRAINER;
    }
    bool may_be = !child->run[0] && child->start_time >= process->start_time;
    return may_be || strcmp(child->run, process->run) == 0 ? ORPHANS_OF_LIVE : ORPHANS_LEFT;
}

static void open_pipe(uv_loop_t *loop, struct process *process, uv_pipe_t *pipe, int fd)
{
    int r = uv_pipe_init(loop, pipe, 0);
    assert(r == 0);
    r = uv_pipe_open(pipe, fd);
    assert(r == 0);
    (void)r;
    pipe->data = process;
    process->n_handles++;
}

/* The loop takes the descriptors over; on fresh, valid ones libuv has no way to fail. */
static void watch(uv_loop_t *loop, struct process *process, const struct spawn_child *child)
{
    process->pid = child->pid;
    process->start_time = machine_start_time(child->pid);
    process->pid_fd = child->pid_fd;
    open_pipe(loop, process, &process->in, child->in);
    open_pipe(loop, process, &process->streams[PROCESS_OUT].pipe, child->out);
    open_pipe(loop, process, &process->streams[PROCESS_ERRORS].pipe, child->errors);
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        uv_read_start((uv_stream_t *)&process->streams[i].pipe, on_room, on_read);
    }
    uv_timer_init(loop, &process->timer);
    process->timer.data = process;
    int r = uv_poll_init(loop, &process->exit_poll, child->pid_fd);
    assert(r == 0);
    (void)r;
    process->exit_poll.data = process;
    uv_poll_start(&process->exit_poll, UV_READABLE, on_exit_poll);
    process->n_handles += 2;
}

int process_start(uv_loop_t *loop, const struct spawn_request *request,
                  const struct process_handlers *handlers, struct process **ret)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process) {
        return -ENOMEM;
    }
    process->handlers = *handlers;
    struct spawn_child child;
    struct spawn_request named = *request;
    orphans_name_run(process->run);
    named.run = process->run;
    int r = lines_init(&process->streams[PROCESS_OUT].lines);
    if (r == 0) {
        r = lines_init(&process->streams[PROCESS_ERRORS].lines);
    }
    if (r == 0) {
        r = spawn_start(&named, &child);
    }
    if (r < 0) {
        free_process(process);
        return r;
    }
    watch(loop, process, &child);
    *ret = process;
    return 0;
}
