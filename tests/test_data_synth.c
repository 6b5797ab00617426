/* The drawn digits: the same everywhere, balanced, and pictures of something. */
#include "tests/test.h"

#include "common/hash.h"
#include "worker/data/synth.h"

#include <string.h>

#define SAMPLE 300

/* The whole set's digest is pinned in synth.h and checked where it is drawn (test_data_prepare). */
static void images_are_those_of_every_other_machine(void **state)
{
    (void)state;
    static uint8_t images[SAMPLE][IDX_PIXELS];
    for (uint32_t i = 0; i < SAMPLE; i++) {
        synth_image(i * 233, images[i]);
    }
    char hex[SHA256_HEX_SIZE];
    sha256_hex(images, sizeof images, hex);
    assert_string_equal(hex, "40bd09e8571f7d4e33b3a4b017eeb978db8f6bed0dd143af841bcfc9a201f6c8");
}

static void an_image_depends_on_its_index_alone(void **state)
{
    (void)state;
    uint8_t first[IDX_PIXELS], other[IDX_PIXELS], again[IDX_PIXELS];
    synth_image(4711, first);
    synth_image(4712, other);
    synth_image(4711, again);
    assert_memory_equal(first, again, IDX_PIXELS);
    assert_memory_not_equal(first, other, IDX_PIXELS);
}

static void every_ten_labels_are_the_ten_digits(void **state)
{
    (void)state;
    uint8_t labels[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        labels[i] = synth_label(SYNTH_TRAIN - 500 + i);
    }
    int in_order = 0;
    for (uint32_t block = 0; block < 100; block++) {
        int seen = 0;
        for (uint32_t i = 0; i < 10; i++) {
            seen |= 1 << labels[10 * block + i];
            in_order += labels[10 * block + i] == i;
        }
        assert_int_equal(seen, 0x3ff);
    }
    assert_in_range(in_order, 50, 200); /* 100 of 1000 by chance */
}

/* Ink in the middle, paper at the edge, as a reader of digits expects. */
static void digits_stand_on_white_paper(void **state)
{
    (void)state;
    long edge = 0;
    for (uint32_t i = 0; i < SAMPLE; i++) {
        uint8_t image[IDX_PIXELS];
        synth_image(i, image);
        int dark = 0, white = 0;
        for (int p = 0; p < IDX_PIXELS; p++) {
            dark += image[p] > 150;
            white += image[p] == 0;
            const int x = p % IDX_IMAGE_SIDE, y = p / IDX_IMAGE_SIDE;
            edge += (x == 0 || y == 0 || x == 27 || y == 27) && image[p] > 150;
        }
        assert_in_range(dark, 15, 350);
        assert_in_range(white, 300, IDX_PIXELS);
    }
    assert_in_range(edge, 0, SAMPLE); /* a digit may touch the edge, but few do */
}

/* A digit's mean image is nearer to its own images than to those of the others, mostly: enough to
 * know that label and picture belong together. */
static void labels_belong_to_their_pictures(void **state)
{
    (void)state;
    enum { TRAIN = 2000, TEST = 500 };
    static double mean[IDX_CLASSES][IDX_PIXELS];
    uint8_t image[IDX_PIXELS];
    for (uint32_t i = 0; i < TRAIN; i++) {
        synth_image(i, image);
        for (int p = 0; p < IDX_PIXELS; p++) {
            mean[synth_label(i)][p] += image[p] / (TRAIN / 10.0);
        }
    }
    int right = 0;
    for (uint32_t i = SYNTH_TRAIN; i < SYNTH_TRAIN + TEST; i++) {
        synth_image(i, image);
        int best = 0;
        double least = 1e300;
        for (int c = 0; c < IDX_CLASSES; c++) {
            double distance = 0;
            for (int p = 0; p < IDX_PIXELS; p++) {
                distance += (image[p] - mean[c][p]) * (image[p] - mean[c][p]);
            }
            best = distance < least ? c : best;
            least = distance < least ? distance : least;
        }
        right += best == synth_label(i);
    }
    assert_in_range(right, TEST * 6 / 10, TEST * 9 / 10); /* no chance, and no gift either */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_those_of_every_other_machine),
        cmocka_unit_test(an_image_depends_on_its_index_alone),
        cmocka_unit_test(every_ten_labels_are_the_ten_digits),
        cmocka_unit_test(digits_stand_on_white_paper),
        cmocka_unit_test(labels_belong_to_their_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
