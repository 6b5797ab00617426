/* A14: whoever reads slowly holds no thread meanwhile: queries pause and go on. */
#include "daemon/store_reader.h"
#include "tests/queue_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    FILE *out;
    char *text;
    size_t size;
    enum reader_wish wish;
};

static enum reader_wish put(void *arg, const char *data, size_t size)
{
    struct text *text = arg;
    assert_int_equal(fwrite(data, 1, size, text->out), size);
    return text->wish;
}

static struct reader *open_reader(struct queue_fixture *f)
{
    struct reader *reader;
    struct error error;
    assert_int_equal(reader_open(f->path, &reader, &error), 0);
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2000}");
    return reader;
}

static void a_paused_query_goes_on_where_it_was(void **state)
{
    struct queue_fixture *f = *state;
    struct reader *reader = open_reader(f);
    struct reader_params params;
    reader_params_init(&params);
    static const enum reader_format formats[] = {READER_JSON, READER_NDJSON, READER_CSV};
    for (int i = 0; i < 3; i++) {
        struct text whole = {.wish = READER_MORE}, parts = {.wish = READER_PAUSE};
        whole.out = open_memstream(&whole.text, &whole.size);
        assert_int_equal(reader_run(reader, READER_RESULTS, &params, formats[i], put, &whole), 0);
        fclose(whole.out);
        parts.out = open_memstream(&parts.text, &parts.size);
        int n_pauses = 0;
        int rc = reader_run(reader, READER_RESULTS, &params, formats[i], put, &parts);
        for (; rc == READER_PAUSED; n_pauses++) {
            if (n_pauses == 1) { /* it sees nothing of this */
                queue_fixture_submit(f, "{\"base\":{\"depth\":2},\"replicates\":9}");
            }
            rc = reader_go_on(reader);
        }
        fclose(parts.out);
        assert_int_equal(rc, 0);
        assert_true(n_pauses > 2);
        assert_string_equal(parts.text, whole.text);
        free(whole.text);
        free(parts.text);
    }
    reader_close(reader);
}

static void a_paused_query_that_is_given_up_leaves_its_reader_good(void **state)
{
    struct queue_fixture *f = *state;
    struct reader *reader = open_reader(f);
    struct reader_params params;
    reader_params_init(&params);
    struct text text = {.wish = READER_PAUSE};
    text.out = open_memstream(&text.text, &text.size);
    assert_int_equal(reader_run(reader, READER_RESULTS, &params, READER_JSON, put, &text),
                     READER_PAUSED);
    reader_abandon(reader);
    text.wish = READER_MORE;
    assert_int_equal(reader_run(reader, READER_RESULTS, &params, READER_JSON, put, &text), 0);
    fclose(text.out);
    free(text.text);
    reader_close(reader);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_paused_query_goes_on_where_it_was),
        TEST(a_paused_query_that_is_given_up_leaves_its_reader_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
