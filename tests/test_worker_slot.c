/* A slot with tests/fake_trainer, on a real loop. */
#include "tests/test.h"

#include "worker/slot.h"
#include "worker/spawn.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_EVENTS = 64, WITHIN_MS = 20000 };

static uv_loop_t loop;
static struct slot *slot;
static char trainer_path[1024];
static const char *argv[3];
static char **environment;

static struct trainer_event events[N_EVENTS];
static int n_events;
static bool closed;
/* Runs when an event has come; returns whether the test has seen enough. */
static bool (*on_event_wanted)(const struct trainer_event *event);

static void on_event(void *arg, struct slot *which, const struct trainer_event *event)
{
    (void)arg;
    assert_ptr_equal(which, slot);
    assert_true(n_events < N_EVENTS);
    events[n_events++] = *event;
    if (on_event_wanted(event)) {
        uv_stop(&loop);
    }
}

static void on_closed(void *arg, struct slot *which)
{
    (void)arg;
    assert_ptr_equal(which, slot);
    closed = true;
}

static void on_too_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing more came from the slot");
}

/* Runs the loop until an event of that kind has come or nothing more can. */
static void run(bool (*wanted)(const struct trainer_event *event))
{
    uv_timer_t alarm;
    on_event_wanted = wanted;
    uv_timer_init(&loop, &alarm);
    uv_timer_start(&alarm, on_too_late, WITHIN_MS, 0);
    uv_unref((uv_handle_t *)&alarm); /* the loop also ends when nothing is left on it */
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&alarm, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static bool is_ready(const struct trainer_event *event)
{
    return event->type == TRAINER_READY;
}

static bool is_measurement(const struct trainer_event *event)
{
    return event->type == TRAINER_MEASUREMENT;
}

static bool is_end(const struct trainer_event *event)
{
    return event->type == TRAINER_DONE || event->type == TRAINER_FAILED;
}

static void on_hopeless(void *arg, struct slot *from, const char *reason)
{
    (void)arg, (void)from, (void)reason;
}

static int n_wrong;
static bool was_the_kernel;

static void on_wrong_products(void *arg, struct slot *from, bool is_the_kernel)
{
    (void)arg;
    n_wrong++;
    was_the_kernel = is_the_kernel;
    slot_close(from); /* as the worker does */
}

static void open_slot(const char *option, uint64_t silence_ms)
{
    argv[1] = option;
    const struct slot_options options = {
        .loop = &loop,
        .core = -1,
        .argv = argv,
        .environment = environment,
        .silence_ms = silence_ms,
        .on_event = on_event,
        .on_hopeless = on_hopeless,
        .on_wrong_products = on_wrong_products,
        .on_closed = on_closed,
    };
    slot = slot_create(&options);
    assert_non_null(slot);
}

static void train(int64_t trial, uint64_t seed)
{
    struct trainer_job job = {.trial = trial, .attempt = 1, .data_dir = "/none"};
    json_t *config = json_pack("{s:i, s:I}", "depth", 1, "seed", (json_int_t)seed);
    assert_int_equal(config_from_json(config, &job.config, NULL), 0);
    json_decref(config);
    assert_true(slot_is_free(slot));
    slot_assign(slot, (struct lease){trial, 1});
    assert_false(slot_is_free(slot));
    slot_train(slot, &job);
}

static const struct trainer_event *last_event(void)
{
    assert_true(n_events > 0);
    return &events[n_events - 1];
}

static int set_up(void **state)
{
    (void)state;
    static const char *const no_changes[] = {NULL};
    const char *root = getenv("NINETY_SOURCE_ROOT");
    snprintf(trainer_path, sizeof trainer_path, "%s/tests/fake_trainer", root ? root : ".");
    argv[0] = trainer_path;
    environment = spawn_environment(no_changes);
    n_events = 0;
    closed = false;
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    if (!closed) {
        slot_close(slot);
    }
    run(is_end);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
    free(environment);
    return 0;
}

static void trials_follow_each_other_in_one_trainer(void **state)
{
    (void)state;
    open_slot(NULL, 0);
    assert_false(slot_is_free(slot));
    run(is_ready);
    assert_string_equal(last_event()->trainer, "fake 1.0");
    for (int trial = 1; trial <= 2; trial++) {
        n_events = 0;
        train(trial, 0);
        run(is_end);
        assert_int_equal(n_events, 4);
        assert_int_equal(events[2].measurement.step, 2);
        assert_int_equal(last_event()->type, TRAINER_DONE);
        assert_int_equal(last_event()->trial, trial);
        assert_true(slot_is_free(slot));
    }
}

/* Trains a trial of that seed, expects its failure with a reason that contains `words`, and then a
 * trainer that is ready again. */
static void expect_failure(uint64_t seed, const char *words, bool retry)
{
    open_slot(NULL, 300);
    run(is_ready);
    train(1, seed);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_FAILED);
    assert_int_equal(last_event()->trial, 1);
    assert_int_equal(last_event()->attempt, 1);
    assert_int_equal(last_event()->failure.retry, retry);
    if (!strstr(last_event()->failure.reason, words)) {
        fail_msg("'%s' does not say '%s'", last_event()->failure.reason, words);
    }
    if (!slot_is_free(slot)) {
        run(is_ready);
    }
    train(2, 0);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_DONE);
}

static void a_killed_trainer_fails_its_trial_and_is_replaced(void **state)
{
    (void)state;
    expect_failure(1, "killed by SIGKILL", true);
}

static void a_line_of_another_language_fails_the_trial(void **state)
{
    (void)state;
    expect_failure(2, "no line of the protocol", true);
}

static void news_of_another_trial_fails_the_trial(void **state)
{
    (void)state;
    expect_failure(3, "spoke of trial 2", true);
}

static void last_words_become_the_reason(void **state)
{
    (void)state;
    expect_failure(4,
                   "exited with code 3 and no result; it said: loading | "
                   "OutOfCheese: no cheese ? left",
                   true);
}

static void the_trainers_own_failure_is_passed_on(void **state)
{
    (void)state;
    expect_failure(5, "diverged at step 1", false);
}

static void a_trainer_that_hangs_is_replaced(void **state)
{
    (void)state;
    expect_failure(6, "hangs", true);
}

/* C7 */
static void a_wrong_product_fails_its_trial_and_closes_the_slot(void **state)
{
    (void)state;
    n_wrong = 0;
    open_slot(NULL, 300);
    run(is_ready);
    train(1, 13);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_FAILED);
    assert_true(last_event()->failure.retry);
    train(2, 0); /* what comes before the worker sees the exit is not failed */
    n_events = 0;
    run(is_end);
    assert_int_equal(n_events, 0);
    assert_int_equal(n_wrong, 1);
    assert_true(was_the_kernel);
    assert_true(closed);
}

/* C7 */
static void a_wrong_product_that_is_not_the_kernels_is_told_apart(void **state)
{
    (void)state;
    n_wrong = 0;
    open_slot(NULL, 300);
    run(is_ready);
    train(1, 14);
    run(is_end);
    assert_int_equal(n_wrong, 1);
    assert_false(was_the_kernel);
    assert_true(closed);
}

/* D9: a program that spins works as hard as one that trains. */
static void a_trainer_that_only_works_is_replaced_in_the_end(void **state)
{
    (void)state;
    open_slot(NULL, 50);
    run(is_ready);
    train(1, 15);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_FAILED);
    assert_non_null(
        strstr(last_event()->failure.reason, "hangs: no line for 0 s, though it uses the CPU"));
    assert_true(last_event()->failure.retry);
}

/* D9 */
static void a_trainer_that_says_its_steps_is_let_work(void **state)
{
    (void)state;
    open_slot(NULL, 60); /* twelve times that is less than it takes */
    run(is_ready);
    train(1, 16);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_DONE);
    assert_int_equal(n_events,
                     5); /* ready, three measurements, done: steps are for the slot alone */
}

static void an_endless_line_fails_the_trial(void **state)
{
    (void)state;
    expect_failure(7, "no line of the protocol", true);
}

static void an_exit_in_the_middle_is_a_failure_even_with_0(void **state)
{
    (void)state;
    expect_failure(10, "exited with code 0 and no result", true);
}

/* A6, B6, D26: of each lie the member is named, and its value. */
static void what_cannot_be_fails_the_trial(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        const char *words;
    } lies[] = {
        {80, "said what cannot be: step 2 comes after step 2"},
        {81, "said what cannot be: step 1 comes after step 2"},
        {82, "test_accuracy must be a number from 0 to 1, not 2"},
        {83, "near 'NaN'; JSON has no NaN and no Infinity: leave out a number that does not exist"},
        {84, "steps_to_target is 2, but the accuracy at step 2 was below the target, 0.9"},
        {85, "steps must be from 0 to max_steps, 2000, not 1099511627776"},
        {86, "weights_sha256 must be 64 digits of 0-9 and a-f, not \"not a hash\""},
        {87, "there is no member \"f1_score\" in a line of type done: leave it out"},
        {88, "layer must be from 0 to 1, the logits, not 9"},
        {89,
         "steps_to_target is 3, but no accuracy reaches the target, 0.9: final_accuracy is 0.1"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        if (i > 0) {
            slot_close(slot);
            run(is_end);
        }
        n_events = 0;
        closed = false;
        expect_failure(lies[i].seed, lies[i].words, true);
    }
}

/* E16, A11: nothing of a failure is lost but the end of a long reason, and nothing passes that no
 * terminal should get. */
static void a_long_reason_is_cut_between_characters_and_cleaned(void **state)
{
    (void)state;
    open_slot(NULL, 0);
    run(is_ready);
    train(1, 90);
    run(is_end);
    assert_int_equal(last_event()->type, TRAINER_FAILED);
    const char *reason = last_event()->failure.reason;
    assert_int_equal(strncmp(reason, "?[2J?", 5), 0);
    assert_int_equal(strspn(reason + 5, "x"), strlen(reason) - 5);
    assert_in_range(strlen(reason), 500, 511);
}

static void a_dropped_trial_says_nothing_more_and_frees_the_slot(void **state)
{
    (void)state;
    open_slot(NULL, 0);
    run(is_ready);
    train(1, 9);
    run(is_measurement);
    slot_drop(slot);
    assert_false(slot_has(slot, (struct lease){1, 1}));
    n_events = 0;
    run(is_ready);
    assert_int_equal(n_events, 1);
    assert_true(slot_is_free(slot));
}

static void dropping_before_the_job_was_sent_keeps_the_trainer(void **state)
{
    (void)state;
    open_slot(NULL, 0);
    run(is_ready);
    slot_assign(slot, (struct lease){1, 1});
    assert_true(slot_awaits_job(slot));
    slot_drop(slot);
    assert_true(slot_is_free(slot));
}

static void a_trainer_deaf_to_sigterm_is_killed(void **state)
{
    (void)state;
    open_slot("--stubborn", 0);
    run(is_ready);
    train(1, 9);
    run(is_measurement);
    slot_drop(slot);
    run(is_ready);
    assert_true(slot_is_free(slot));
}

static void on_enough(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* A trainer that never gets ready: no event at all, and not one start after the other. */
static void expect_no_slot(const char *option)
{
    uv_timer_t enough;
    open_slot(option, 0);
    uv_timer_init(&loop, &enough);
    uv_timer_start(&enough, on_enough, 300, 0);
    run(is_ready);
    uv_close((uv_handle_t *)&enough, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(n_events, 0);
    assert_false(slot_is_free(slot));
}

static void a_trainer_that_cannot_start_makes_no_free_slot(void **state)
{
    (void)state;
    expect_no_slot("--die-at-start");
}

static void a_trainer_of_another_protocol_makes_no_free_slot(void **state)
{
    (void)state;
    expect_no_slot("--modern");
}

static void a_trainer_that_greets_first_makes_no_free_slot(void **state)
{
    (void)state;
    expect_no_slot("--chatty");
}

static void a_program_that_is_not_there_makes_no_free_slot(void **state)
{
    (void)state;
    argv[0] = "/nonexistent/trainer";
    expect_no_slot(NULL);
}

int main(void)
{
#define SLOT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SLOT_TEST(trials_follow_each_other_in_one_trainer),
        SLOT_TEST(a_killed_trainer_fails_its_trial_and_is_replaced),
        SLOT_TEST(a_line_of_another_language_fails_the_trial),
        SLOT_TEST(news_of_another_trial_fails_the_trial),
        SLOT_TEST(last_words_become_the_reason),
        SLOT_TEST(the_trainers_own_failure_is_passed_on),
        SLOT_TEST(a_trainer_that_hangs_is_replaced),
        SLOT_TEST(a_wrong_product_fails_its_trial_and_closes_the_slot),
        SLOT_TEST(a_wrong_product_that_is_not_the_kernels_is_told_apart),
        SLOT_TEST(a_trainer_that_only_works_is_replaced_in_the_end),
        SLOT_TEST(a_trainer_that_says_its_steps_is_let_work),
        SLOT_TEST(an_endless_line_fails_the_trial),
        SLOT_TEST(an_exit_in_the_middle_is_a_failure_even_with_0),
        SLOT_TEST(what_cannot_be_fails_the_trial),
        SLOT_TEST(a_long_reason_is_cut_between_characters_and_cleaned),
        SLOT_TEST(a_dropped_trial_says_nothing_more_and_frees_the_slot),
        SLOT_TEST(dropping_before_the_job_was_sent_keeps_the_trainer),
        SLOT_TEST(a_trainer_deaf_to_sigterm_is_killed),
        SLOT_TEST(a_trainer_that_cannot_start_makes_no_free_slot),
        SLOT_TEST(a_trainer_of_another_protocol_makes_no_free_slot),
        SLOT_TEST(a_trainer_that_greets_first_makes_no_free_slot),
        SLOT_TEST(a_program_that_is_not_there_makes_no_free_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
