/*
 * Load on a queue, for bench_queue.py: bench-queue-load MODE PORT KEY=NUMBER...
 *
 *   trials     claim up to `slots` trials, report them with `rows` measurements each and done, over
 *              `connections` connections, for `seconds`; with `queued`, sweeps are submitted so
 *              that about so many trials wait at any time
 *   rows       report `rows` measurements of each of `slots` trials held, again and again
 *   wait       `connections` workers wait for a trial; a sweep comes; until each holds one
 *   beanstalk  put, reserve and delete of a job, over `connections` connections, for `seconds`
 *
 * Prints one line of JSON.
 */
#include "bench/load_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLOTS 64

static struct {
    long connections, slots, rows, seconds, queued;
} load = {.connections = 64, .slots = 8, .rows = 4, .seconds = 5};

static int port;
static bool stop;
static struct {
    long trials, rows, requests, empty, claimed, submitted;
    double slowest_claim; /* seconds */
} did;

struct worker {
    struct load_connection connection;
    long id, step;
    char secret[65];
    long trial[MAX_SLOTS], attempt[MAX_SLOTS];
    int n_held;
    char *body;
    size_t body_size, body_room;
};

static struct worker *workers;
static long n_ready;

/* ---- bodies ---- */

static void body_add(struct worker *w, const char *text, size_t size)
{
    if (w->body_size + size > w->body_room) {
        w->body_room = 2 * (w->body_size + size);
        w->body = realloc(w->body, w->body_room);
        if (!w->body) {
            load_die("out of memory");
        }
    }
    memcpy(w->body + w->body_size, text, size);
    w->body_size += size;
}

#define ADD(w, ...)                                                                                \
    do {                                                                                           \
        char text_[512];                                                                           \
        int n_ = snprintf(text_, sizeof(text_), __VA_ARGS__);                                      \
        body_add(w, text_, (size_t)n_);                                                            \
    } while (0)

static void post(struct worker *w, const char *path)
{
    did.requests++;
    load_post(&w->connection, path, w->body, w->body_size);
}

static void add_item(struct worker *w, int i, bool done)
{
    static const char end[] =
        ",\"seconds_to_target\":0.612,"
        "\"final_accuracy\":0.9012,\"final_loss\":0.3123,\"ms_per_step\":11.71,\"weights_sha256\":"
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"data_sha256\":"
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"kernel\":"
        "\"SkylakeX\",\"trainer\":\"ninety-trainer 0.1.0\"}}";
    ADD(w, "%s{\"trial\":%ld,\"attempt\":%ld,\"measurements\":[", i ? "," : "", w->trial[i],
        w->attempt[i]);
    for (long row = 0; row < load.rows; row++) {
        ADD(w,
            "%s{\"step\":%ld,\"test_accuracy\":0.8123,\"train_loss\":0.71234,\"cpu_ms\":%ld.25,"
            "\"wall_ms\":%ld.5}",
            row ? "," : "", w->step + row, 12 * row, 12 * row);
    }
    if (done) { /* some steps behind the last measurement, at the target */
        long steps = w->step + load.rows + 10;
        ADD(w, "],\"done\":{\"steps\":%ld,\"steps_to_target\":%ld", steps, steps);
        body_add(w, end, sizeof(end) - 1);
    } else {
        body_add(w, "]}", 2);
    }
}

static void post_report(struct worker *w, bool done)
{
    w->body_size = 0;
    ADD(w, "{\"worker\":%ld,\"secret\":\"%s\",\"reports\":[", w->id, w->secret);
    for (int i = 0; i < w->n_held; i++) {
        add_item(w, i, done);
    }
    body_add(w, "]}", 2);
    post(w, "/v1/reports");
}

static void post_claim(struct worker *w, long max, long wait_s)
{
    w->body_size = 0;
    ADD(w, "{\"worker\":%ld,\"secret\":\"%s\",\"max\":%ld,\"wait_s\":%ld}", w->id, w->secret, max,
        wait_s);
    post(w, "/v1/claims");
}

static void read_claims(struct worker *w, const char *body)
{
    w->n_held = 0;
    while (w->n_held < MAX_SLOTS && (body = strstr(body, "\"trial\": "))) {
        char *end;
        w->trial[w->n_held] = strtol(body + 9, &end, 10);
        w->attempt[w->n_held++] = strtol(end + strlen(", \"attempt\": "), NULL, 10);
        body = end;
    }
}

static void check(int status, const char *body)
{
    if (status < 200 || status > 299) {
        load_die("%d: %.300s", status, body);
    }
}

/* ---- sweeps ---- */

static struct load_connection submitter;
static bool submitting;

static void submit(long trials)
{
    char body[128];
    int n = snprintf(body, sizeof(body),
                     "{\"base\":{\"depth\":1,\"max_steps\":100000000},\"replicates\":%ld}", trials);
    load_post(&submitter, "/v1/sweeps", body, (size_t)n);
    submitting = true;
    did.submitted += trials;
}

static void refill(void)
{
    long missing = load.queued + did.claimed - did.submitted;
    if (load.queued > 0 && !submitting && missing > load.queued / 8) {
        submit(missing);
    }
}

static void on_submitted(struct load_connection *c, int status, char *body, size_t size)
{
    (void)c, (void)size;
    check(status, body);
    submitting = false;
    refill();
}

/* ---- trials: claim, report, claim ... ---- */

static void on_trials_reported(struct load_connection *c, int status, char *body, size_t size);

static void on_trials_claimed(struct load_connection *c, int status, char *body, size_t size)
{
    struct worker *w = c->ctx;
    (void)size;
    check(status, body);
    double took = load_now() - c->sent_at;
    did.slowest_claim = took > did.slowest_claim ? took : did.slowest_claim;
    read_claims(w, body);
    did.claimed += w->n_held;
    refill();
    if (w->n_held == 0) { /* nothing there: wait for some, as a worker does */
        did.empty++;
        post_claim(w, load.slots, 1);
        return;
    }
    c->on_answer = on_trials_reported;
    post_report(w, true);
}

static void on_trials_reported(struct load_connection *c, int status, char *body, size_t size)
{
    struct worker *w = c->ctx;
    (void)size;
    check(status, body);
    if (strstr(body, "lost") || strstr(body, "cancelled")) {
        load_die("a report was refused: %.200s", body);
    }
    did.trials += w->n_held;
    did.rows += w->n_held * load.rows;
    c->on_answer = on_trials_claimed;
    post_claim(w, load.slots, 1);
}

/* ---- rows: trials are held, and measured for ever ---- */

static void on_rows_reported(struct load_connection *c, int status, char *body, size_t size)
{
    struct worker *w = c->ctx;
    (void)size;
    check(status, body);
    did.rows += w->n_held * load.rows;
    w->step += load.rows;
    post_report(w, false);
}

static void on_rows_claimed(struct load_connection *c, int status, char *body, size_t size)
{
    struct worker *w = c->ctx;
    (void)size;
    check(status, body);
    read_claims(w, body);
    if (w->n_held == 0) {
        load_die("there are not enough trials for every worker");
    }
    c->on_answer = on_rows_reported;
    post_report(w, false);
}

/* ---- wait: everybody waits, then a sweep comes ---- */

static double submitted_at, all_at;

static void on_wait_claimed(struct load_connection *c, int status, char *body, size_t size)
{
    (void)size;
    check(status, body);
    read_claims(c->ctx, body);
    if (((struct worker *)c->ctx)->n_held != 1) {
        load_die("a worker that waited got nothing");
    }
    if (++did.trials == load.connections) {
        all_at = load_now();
        stop = true;
    }
}

/* ---- start: every worker registers ---- */

static load_answer after_register;

static void on_registered(struct load_connection *c, int status, char *body, size_t size)
{
    struct worker *w = c->ctx;
    (void)size;
    check(status, body);
    char *id = strstr(body, "\"worker\":");
    w->id = id ? strtol(id + 9, NULL, 10) : 0;
    const char *secret = strstr(body, "\"secret\": \"");
    snprintf(w->secret, sizeof(w->secret), "%s", secret ? secret + strlen("\"secret\": \"") : "");
    c->on_answer = after_register;
    if (++n_ready == load.connections) {
        stop = true;
    }
}

/* Batches, so that the daemon's accept queue is never full. */
static void register_workers(void)
{
    for (long first = 0; first < load.connections; first += 500) {
        long end = first + 500 < load.connections ? first + 500 : load.connections;
        for (long i = first; i < end; i++) {
            struct worker *w = &workers[i];
            load_connect(&w->connection, port, on_registered, w);
            ADD(w,
                "{\"protocol\":2,\"host\":\"bench\",\"pid\":%ld,\"slots\":%ld,\"cpu\":\"none\","
                "\"kernel\":\"\","
                "\"version\":\"0\"}",
                i + 1, load.slots);
            post(w, "/v1/workers");
        }
        while (n_ready < end) {
            load_run(load_now() + 0.01, &stop);
        }
    }
    stop = false;
}

static void claim_all(long max, long wait_s)
{
    for (long i = 0; i < load.connections; i++) {
        post_claim(&workers[i], max, wait_s);
    }
}

static void print_rates(double seconds)
{
    printf("{\"seconds\": %.3f, \"trials\": %ld, \"trials_per_s\": %.0f, \"rows_per_s\": %.0f, "
           "\"requests_per_s\": %.0f, \"slowest_claim_ms\": %.1f, \"empty\": %ld}\n",
           seconds, did.trials, (double)did.trials / seconds, (double)did.rows / seconds,
           (double)did.requests / seconds, did.slowest_claim * 1000, did.empty);
}

static void run_for_a_while(load_answer first)
{
    after_register = first;
    register_workers();
    did.requests = 0;
    if (load.queued > 0) {
        load_connect(&submitter, port, on_submitted, NULL);
        refill();
    }
    double start = load_now();
    claim_all(load.slots, 1);
    load_run(start + (double)load.seconds, &stop);
    print_rates(load_now() - start);
}

static void run_wait(void)
{
    after_register = on_wait_claimed;
    register_workers();
    claim_all(1, 60);
    load_run(load_now() + 3, &stop); /* until all of them wait */
    load_connect(&submitter, port, on_submitted, NULL);
    printf("{\"waiting\": %ld}\n", load.connections);
    fflush(stdout);
    getchar(); /* whoever runs us has looked at the daemon's memory */
    submitted_at = load_now();
    submit(load.connections);
    load_run(load_now() + 60, &stop);
    if (!stop) {
        load_die("after a minute %ld of %ld workers hold a trial", did.trials, load.connections);
    }
    printf("{\"seconds\": %.3f}\n", all_at - submitted_at);
}

/* ---- beanstalkd ---- */

static void put_job(struct load_connection *c)
{
    static const char job[] =
        "put 0 0 60 100\r\n0123456789012345678901234567890123456789012345678901"
        "234567890123456789012345678901234567890123456789\r\n";
    load_append(c, job, sizeof(job) - 1);
    load_send(c);
}

static void on_beanstalk(struct load_connection *c, int status, char *line, size_t size)
{
    (void)status, (void)size;
    if (strncmp(line, "INSERTED", 8) == 0) {
        load_format(c, "reserve\r\n");
        load_send(c);
    } else if (strncmp(line, "RESERVED", 8) == 0) {
        *(long *)c->ctx = strtol(line + 9, NULL, 10); /* the job itself is the next line */
    } else if (strncmp(line, "DELETED", 7) == 0) {
        did.trials++;
        put_job(c);
    } else if (line[0] == '0') {
        load_format(c, "delete %ld\r\n", *(long *)c->ctx);
        load_send(c);
    } else {
        load_die("beanstalkd says %.60s", line);
    }
}

static void run_beanstalk(void)
{
    struct load_connection *connections = calloc((size_t)load.connections, sizeof(*connections));
    long *ids = calloc((size_t)load.connections, sizeof(*ids));
    if (!connections || !ids) {
        load_die("out of memory");
    }
    double start = load_now();
    for (long i = 0; i < load.connections; i++) {
        load_connect(&connections[i], port, on_beanstalk, &ids[i]);
        connections[i].lines = true;
        put_job(&connections[i]);
    }
    load_run(start + (double)load.seconds, &stop);
    print_rates(load_now() - start);
}

static void read_arguments(int argc, char **argv)
{
    static const struct {
        const char *name;
        long *value;
    } names[] = {{"connections", &load.connections},
                 {"slots", &load.slots},
                 {"rows", &load.rows},
                 {"seconds", &load.seconds},
                 {"queued", &load.queued}};
    const int n_names = sizeof(names) / sizeof(names[0]);
    for (int i = 3; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        int at = 0;
        while (at < n_names && (strlen(names[at].name) != length ||
                                strncmp(names[at].name, argv[i], length) != 0)) {
            at++;
        }
        if (at == n_names || argv[i][length] != '=') {
            load_die("unknown argument %s", argv[i]);
        }
        *names[at].value = strtol(argv[i] + length + 1, NULL, 10);
    }
    if (load.slots > MAX_SLOTS) {
        load_die("at most %d slots", MAX_SLOTS);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        load_die("usage: bench-queue-load trials|rows|wait|beanstalk PORT [KEY=NUMBER...]");
    }
    port = atoi(argv[2]);
    read_arguments(argc, argv);
    workers = calloc((size_t)load.connections, sizeof(*workers));
    if (!workers) {
        load_die("out of memory");
    }
    if (strcmp(argv[1], "trials") == 0) {
        run_for_a_while(on_trials_claimed);
    } else if (strcmp(argv[1], "rows") == 0) {
        run_for_a_while(on_rows_claimed);
    } else if (strcmp(argv[1], "wait") == 0) {
        run_wait();
    } else if (strcmp(argv[1], "beanstalk") == 0) {
        run_beanstalk();
    } else {
        load_die("unknown mode %s", argv[1]);
    }
    return 0;
}
