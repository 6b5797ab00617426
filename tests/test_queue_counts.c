#include "tests/fault_vfs.h"
#include "tests/queue_fixture.h"

static int setup(void **state)
{
    fault_vfs_install();
    return queue_fixture_setup(state);
}

static int64_t claim(struct queue_fixture *f, int64_t worker)
{
    struct queue_claim claims[1];
    size_t n;
    assert_int_equal(queue_claim(f->queue, worker, 1, &f->now, claims, &n), 0);
    assert_int_equal(n, 1);
    return claims[0].trial;
}

static void what_is_done_is_counted_when_it_is_committed(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4,\"max_attempts\":1}");
    int64_t worker = queue_fixture_worker(f);
    claim(f, worker);
    assert_int_equal(queue_count(f->queue, QUEUE_CLAIMS), 0);
    queue_fixture_commit(f);
    assert_int_equal(queue_count(f->queue, QUEUE_CLAIMS), 1);

    struct queue_claim done = queue_fixture_claim(f, worker);
    struct measurement m = {.step = 1, .test_accuracy = 0.5};
    struct report report = queue_fixture_done(&done, 10);
    report.measurements = &m;
    report.n_measurements = 1;
    queue_fixture_send(f, worker, &report);
    struct queue_claim broken = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &broken, REPORT_FAILED);
    queue_fixture_advance(f, f->options.lease_ms + 1); /* the first is silent */
    queue_fixture_act(f, 1, QUEUE_CANCEL);

    static const struct {
        enum queue_count count;
        int64_t n;
    } expected[] = {
        {QUEUE_CLAIMS, 3},          {QUEUE_REPORTS, 2},        {QUEUE_MEASUREMENTS, 1},
        {QUEUE_SUCCEEDED, 1},       {QUEUE_FAILED, 2},         {QUEUE_CANCELLED, 1},
        {QUEUE_ATTEMPTS_FAILED, 1}, {QUEUE_LEASES_EXPIRED, 1}, {QUEUE_LEASES_RELEASED, 0},
        {QUEUE_SWEEPS, 1},          {QUEUE_WORKERS, 1},        {QUEUE_REUSED, 0},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (queue_count(f->queue, expected[i].count) != expected[i].n) {
            fail_msg("count %d is %lld", (int)expected[i].count,
                     (long long)queue_count(f->queue, expected[i].count));
        }
    }
    assert_int_equal(queue_live_workers(f->queue), 1);
}

static void what_could_not_be_committed_was_not_done(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    int64_t worker = queue_fixture_worker(f);
    int64_t last = queue_last_event(f->queue);
    claim(f, worker);
    struct queue_worker info = {.host = "other", .pid = 2, .slots = 1};
    int64_t id;
    assert_int_equal(queue_register(f->queue, &info, &f->now, &id), 0);
    fault_vfs_arm(FAULT_IO, 1, 100);
    assert_true(queue_commit(f->queue) < 0);
    assert_true(fault_vfs_disarm());
    assert_int_equal(queue_count(f->queue, QUEUE_CLAIMS), 0);
    assert_int_equal(queue_count(f->queue, QUEUE_WORKERS), 1);
    assert_int_equal(queue_last_event(f->queue), last);

    queue_fixture_claim(f, worker);
    assert_int_equal(queue_count(f->queue, QUEUE_CLAIMS), 1);
}

static void the_last_event_is_known_after_a_restart(void **state)
{
    struct queue_fixture *f = *state;
    assert_int_equal(queue_last_event(f->queue), 0);
    queue_fixture_submit(f, "{\"base\":{\"depth\":1}}");
    queue_fixture_worker(f);
    assert_int_equal(queue_last_event(f->queue), 2);
    queue_fixture_restart(f);
    assert_int_equal(queue_last_event(f->queue), 2);
    assert_int_equal(queue_fixture_int(f, "SELECT max(id) FROM events"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_done_is_counted_when_it_is_committed),
        TEST(what_could_not_be_committed_was_not_done),
        TEST(the_last_event_is_known_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
