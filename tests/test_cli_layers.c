#include "cli/layers.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct terminal plain = {.width = 80};

struct row {
    int cell, depth, layer;
    const char *batch_norm;
    double median; /* NAN = null */
};

static char *layers_of(const struct row *given, size_t n, const char *value)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *rows = json_array();

    for (const struct row *row = given; row < given + n; row++) {
        json_t *median = isnan(row->median) ? json_null() : json_real(row->median);
        json_array_append_new(rows, json_pack("{s:i,s:i,s:i,s:s,s:i,s:i,s:i,s:o}", "sweep", 1,
                                              "cell", row->cell, "depth", row->depth, "batch_norm",
                                              row->batch_norm, "step", 4, "layer", row->layer,
                                              "trials", 3, "median", median));
    }
    layers_print(rows, value, &plain, out);
    json_decref(rows);
    fclose(out);
    return text;
}

static void cells_are_rows_and_layers_columns_up_to_the_logits(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, 2, 0, "none", 8.3e-7}, {0, 2, 1, "none", 0.0015}, {0, 2, 2, "none", 0.038},
        {1, 2, 0, "before", 0},    {1, 2, 2, "before", 2},
    };
    char *text = layers_of(rows, 5, "gradient_rms");
    assert_string_equal(text,
                        "gradient_rms at step 4, by layer from the input: median over the seeds\n\n"
                        "batch_norm  trials        0        1   logits\n"
                        "none             3  8.3e-07  1.5e-03  3.8e-02\n"
                        "before           3        0        -  2.0e+00\n");
    free(text);
}

static void networks_of_several_depths_have_numbered_layers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, 1, 0, "none", 1}, {0, 1, 1, "none", 2}, {1, 0, 0, "none", 3}};
    char *text = layers_of(rows, 3, "weight_rms");
    assert_string_equal(strstr(text, "\n\n"), "\n\ndepth  trials        0        1\n"
                                              "    1       3  1.0e+00  2.0e+00\n"
                                              "    0       3  3.0e+00        -\n");
    free(text);
}

static void shares_are_in_percent_and_absent_where_they_cannot_be(void **state)
{
    (void)state;
    static const struct row rows[] = {{0, 1, 0, "none", 0.25}, {0, 1, 1, "none", NAN}};
    char *text = layers_of(rows, 2, "saturated");
    assert_string_equal(strstr(text, "\n\n"), "\n\ntrials        0  logits\n"
                                              "     3  25.00 %       -\n");
    free(text);
    text = layers_of(rows, 0, "saturated");
    assert_string_equal(text, "no trial has statistics of its layers at this step\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_rows_and_layers_columns_up_to_the_logits),
        cmocka_unit_test(networks_of_several_depths_have_numbered_layers),
        cmocka_unit_test(shares_are_in_percent_and_absent_where_they_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
