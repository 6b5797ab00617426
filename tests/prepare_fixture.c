#include "tests/prepare_fixture.h"

#include "tests/data_fixture.h"
#include "tests/test.h"

#include <string.h>

struct prepare_options fixture_options;
struct prepared fixture_prepared;
struct error fixture_error;

int prepare_fixture_setup(void **state)
{
    fixture_options = (struct prepare_options){0};
    memset(&fixture_prepared, 0, sizeof fixture_prepared);
    memset(&fixture_error, 0, sizeof fixture_error);
    return fixture_setup(state);
}

void assert_shade(int shade)
{
    struct dataset dataset;
    if (dataset_open(fixture_prepared.directory, &dataset, &fixture_error) != 0) {
        fail_msg("%s", fixture_error.message);
    }
    assert_int_equal(dataset.train_images[0], shade);
    dataset_close(&dataset);
}

void assert_prepares(const char *name, int shade)
{
    const int r = prepare(name, &fixture_options, &fixture_prepared, &fixture_error);
    if (r != 0) {
        fail_msg("%d: %s", r, fixture_error.message);
    }
    assert_shade(shade);
}

void assert_fails(const char *name, int code, const char *says)
{
    fixture_prepared.directory[0] = '?';
    assert_int_equal(prepare(name, &fixture_options, &fixture_prepared, &fixture_error), code);
    if (strstr(fixture_error.message, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture_error.message, says);
    }
    assert_int_equal(fixture_prepared.directory[0], '?'); /* untouched */
}
