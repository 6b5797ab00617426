#include "tests/reuse_fixture.h"

void reuse_fixture_train(struct queue_fixture *f, int64_t worker, const struct queue_claim *claim)
{
    struct measurement measurements[] = {{.step = 0, .test_accuracy = 0.25},
                                         {.step = claim->trial, .test_accuracy = 0.95}};
    struct layer_stat layer = {.step = 1, .layer = 0, .gradient_rms = (double)claim->trial};
    struct report report = queue_fixture_done(claim, claim->trial);
    report.measurements = measurements;
    report.n_measurements = 2;
    report.layers = &layer;
    report.n_layers = 1;
    assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
}

void reuse_fixture_train_all(struct queue_fixture *f, int64_t worker)
{
    struct queue_claim claim;
    while ((claim = queue_fixture_claim(f, worker)).trial != 0) {
        reuse_fixture_train(f, worker, &claim);
    }
}

enum report_status reuse_fixture_take(struct queue_fixture *f, int64_t worker,
                                      const struct queue_claim *claim, int64_t from)
{
    struct report report = {.trial = claim->trial,
                            .attempt = claim->attempt,
                            .end = REPORT_REUSED,
                            .reused_from = from};
    return queue_fixture_send(f, worker, &report);
}

int reuse_fixture_take_all(struct queue_fixture *f)
{
    int n = 0;
    for (; queue_claimable(f->queue) > 0; n++) {
        int64_t worker = queue_fixture_worker(f);
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.offers.n, 1);
        assert_int_equal(reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial),
                         REPORT_OK);
    }
    return n;
}
