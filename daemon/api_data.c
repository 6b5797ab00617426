/*
 * Data sets for workers that have none. Hashes and directory reads happen on the thread pool; a
 * file goes out by sendfile.
 */
#include "daemon/api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the thread pool is to find out. */
struct data_job {
    uv_work_t work;
    struct api_call *call; /* NULL when the client is gone */
    struct api *api;
    char name[64]; /* of one data set; empty = all */
    struct json_out text;
    int result;
};

static void write_dataset(struct data_job *job, const char *name)
{
    struct datasets_file files[DATASETS_MAX_FILES];
    size_t n = 0;
    int rc = datasets_describe(job->api->datasets, name, files, &n);
    if (rc != 0) {
        job->result = rc;
        return;
    }
    json_out_format(&job->text, "{\"name\": ");
    json_out_string(&job->text, name);
    json_out_format(&job->text, ", \"files\": [");
    for (size_t i = 0; i < n; i++) {
        json_out_format(&job->text, "%s{\"name\": \"%s\", \"size\": %lld, \"sha256\": \"%s\"}",
                        i > 0 ? ", " : "", files[i].name, (long long)files[i].size,
                        files[i].sha256);
    }
    json_out_format(&job->text, "]}");
}

static void write_one_of_list(void *ctx, const char *name)
{
    struct data_job *job = ctx;
    if (job->text.failed) {
        return;
    }
    size_t before = job->text.size;
    bool first = job->text.text[before - 1] == '[';
    json_out_format(&job->text, first ? "" : ", ");
    size_t begin = job->text.size;
    write_dataset(job, name);
    if (job->text.size == begin) {
        job->text.size = before; /* vanished meanwhile */
        job->result = 0;
    }
}

static void on_work(uv_work_t *work)
{
    struct data_job *job = work->data;
    if (job->name[0] != '\0') {
        write_dataset(job, job->name);
    } else {
        json_out_format(&job->text, "{\"datasets\": [");
        if (!job->text.failed) {
            int rc = datasets_list(job->api->datasets, write_one_of_list, job);
            job->result = rc == -ENOENT ? 0 : rc;
        }
        json_out_format(&job->text, "]}");
    }
    json_out_format(&job->text, "\n");
}

static void fail(struct api_call *call, int result)
{
    if (result == DATASETS_UNKNOWN) {
        api_fail(call, 404, "unknown_dataset",
                 "the daemon has no data set %s under its --data directory", call->name[0]);
    } else {
        api_fail(call, 500, "internal", "cannot read the data: %s", strerror(-result));
    }
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct data_job *job = work->data;
    struct api_call *call = job->call;
    if (call != NULL && job->result != 0) {
        fail(call, job->result);
    } else if (call != NULL) {
        call->text = job->text;
        job->text = (struct json_out){0};
        api_answer(call, 200);
    }
    struct api *api = job->api;
    json_out_clear(&job->text);
    free(job);
    api_job_end(api);
}

static void on_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct data_job *job = ctx;
    api_call_free(job->call);
    job->call = NULL;
}

static void find_out(struct api_call *call)
{
    struct data_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        api_fail(call, 500, "internal", "out of memory");
        return;
    }
    job->call = call;
    job->api = call->api;
    job->work.data = job;
    memcpy(job->name, call->name[0], sizeof job->name);
    http_wait(call->request, on_gone, job);
    api_job_begin(call->api, &job->work, on_work, on_worked);
}

void api_get_datasets(struct api_call *call)
{
    if (api_query(call, NULL, 0)) {
        find_out(call);
    }
}

void api_get_dataset(struct api_call *call)
{
    if (api_query(call, NULL, 0)) {
        find_out(call);
    }
}

void api_get_dataset_file(struct api_call *call)
{
    int fd;
    int64_t size;
    if (!api_query(call, NULL, 0)) {
        return;
    }
    int rc = datasets_open(call->api->datasets, call->name[0], call->name[1], &fd, &size);
    if (rc != 0) {
        fail(call, rc);
        return;
    }
    static const struct http_field whole = {"Accept-Ranges", "none"};
    http_answer_file(
        call->request,
        &(struct http_answer){
            .status = 200, .type = "application/octet-stream", .fields = &whole, .n_fields = 1},
        fd, (uint64_t)size);
    api_call_free(call);
}
