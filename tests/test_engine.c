#include "tests/test.h"

#include "common/engine.h"
#include "common/kernel_family.h"
#include "common/protocol.h"

static struct trial_config config_of(enum activation f, enum batch_norm bn, bool output)
{
    return (struct trial_config){
        .n_hidden = 2, .activation = f, .batch_norm = bn, .batch_norm_output = output};
}

static void a_name_tells_the_engine(void **state)
{
    (void)state;
    assert_int_equal(engine_of("ninety-trainer 0.2.0"), 1);
    assert_int_equal(engine_of("ninety-trainer 0.3.0 engine 2"), 2);
    assert_int_equal(engine_of("ninety-trainer 1.10.12 engine 31"), 31);
    assert_int_equal(engine_of(ENGINE_TRAINER), ENGINE_NUMBER);
    static const char *const others[] = {"",
                                         "ninety-trainer",
                                         "ninety-trainer 0.1.0",
                                         "ninety-trainer 0.3.0",
                                         "ninety-trainer 0.3.0 engine 2 of mine",
                                         "ninety-trainer 0.3.0 engine",
                                         "my-ninety-trainer 0.2.0",
                                         "torch 2.1 engine 2"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_int_equal(engine_of(others[i]), 0);
    }
}

/* C8: for two kinds of network, and only these, results of engine 1 are not this engine's. */
static void results_changed_for_two_kinds_of_network_only(void **state)
{
    (void)state;
    for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
        for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
            for (int output = 0; output <= (bn != BATCH_NORM_NONE); output++) {
                struct trial_config config = config_of(f, bn, output);
                bool changed = (bn == BATCH_NORM_AFTER && output) ||
                               (bn != BATCH_NORM_NONE && f == ACTIVATION_LINEAR);
                assert_int_equal(engine_since(&config), changed ? 2 : 1);
                assert_int_equal(engine_trainers_agree(&config, "ninety-trainer 0.2.0",
                                                       "ninety-trainer 0.3.0 engine 2"),
                                 !changed);
            }
        }
    }
    struct trial_config regression = config_of(ACTIVATION_LINEAR, BATCH_NORM_AFTER, true);
    regression.n_hidden = 0;
    assert_int_equal(engine_since(&regression), 1);
    struct trial_config shallow = config_of(ACTIVATION_LINEAR, BATCH_NORM_BEFORE, false);
    shallow.n_hidden = 1; /* its beta shifts the logits, which nothing normalizes */
    assert_int_equal(engine_since(&shallow), 1);
}

static void releases_of_one_engine_agree_and_other_trainers_by_name(void **state)
{
    (void)state;
    struct trial_config after = config_of(ACTIVATION_RELU, BATCH_NORM_AFTER, true);
    static const char two[] = "ninety-trainer 0.3.0 engine 2",
                      later[] = "ninety-trainer 9 engine 2";

    assert_true(engine_trainers_agree(&after, two, later));
    assert_true(engine_trainers_always_agree(two, later));
    assert_true(engine_trainers_agree(&after, "ninety-trainer 0.2.0", "ninety-trainer 0.2.0"));
    assert_false(engine_trainers_always_agree("ninety-trainer 0.2.0", two));
    assert_true(engine_trainers_agree(&after, "torch 2.1", "torch 2.1"));
    assert_false(engine_trainers_agree(&after, "torch 2.1", "torch 2.2"));
    assert_false(engine_trainers_agree(&after, "ninety-trainer 0.1.0", "ninety-trainer 0.2.0"));
    assert_false(engine_trainers_always_agree("torch 2.1", two));
}

/* C13 */
static void kernels_that_are_the_same_code_are_one_family(void **state)
{
    (void)state;
    assert_true(kernel_families_agree("Haswell", "Zen"));
    assert_true(kernel_families_agree("zen", "HASWELL"));
    assert_true(kernel_families_agree("SkylakeX", "SkylakeX"));
    assert_false(kernel_families_agree("SkylakeX", "Haswell"));
    assert_false(kernel_families_agree("SkylakeX", "Cooperlake")); /* nobody has seen it */
    assert_false(kernel_families_agree("", ""));
    assert_string_equal(kernel_family("Zen"), "Haswell");
    assert_string_equal(kernel_family("MyOwn"), "MyOwn");
}

static struct reuse_offers offer_of(const char *trainer, const char *kernel)
{
    struct reuse_offers offers = {.n = 1, .at = {{.trial = 7, .data_sha256 = "d"}}};

    snprintf(offers.at[0].trainer, sizeof(offers.at[0].trainer), "%s", trainer);
    snprintf(offers.at[0].kernel, sizeof(offers.at[0].kernel), "%s", kernel);
    return offers;
}

/* C8, C13 */
static void an_offer_fits_what_gives_the_same_numbers(void **state)
{
    (void)state;
    struct trial_config plain = config_of(ACTIVATION_RELU, BATCH_NORM_BEFORE, true);
    struct trial_config after = config_of(ACTIVATION_RELU, BATCH_NORM_AFTER, true);
    struct reuse_makers here = {ENGINE_TRAINER, "Zen", "d"};
    struct reuse_offers old = offer_of("ninety-trainer 0.2.0", "Haswell");

    assert_int_equal(reuse_offers_find(&old, &plain, &here)->trial, 7);
    assert_null(reuse_offers_find(&old, &after, &here));
    struct reuse_offers other_kernel = offer_of(ENGINE_TRAINER, "SkylakeX");
    assert_null(reuse_offers_find(&other_kernel, &plain, &here));
    here.data_sha256 = "e";
    assert_null(reuse_offers_find(&old, &plain, &here));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_tells_the_engine),
        cmocka_unit_test(results_changed_for_two_kinds_of_network_only),
        cmocka_unit_test(releases_of_one_engine_agree_and_other_trainers_by_name),
        cmocka_unit_test(kernels_that_are_the_same_code_are_one_family),
        cmocka_unit_test(an_offer_fits_what_gives_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
