/*
 * The data set `synthetic-digits`: handwritten-looking digits drawn from strokes, for machines that
 * have no MNIST. Each image depends on nothing but its index, and is the same on every machine: the
 * arithmetic is + - * / and sqrt of doubles in a fixed order, with no call into libm.
 */
#pragma once

#include "worker/data/idx.h"

#include <stdint.h>

#define SYNTH_TRAIN 60000 /* images 0.. */
#define SYNTH_TEST 10000  /* the images behind them */

/* Of the whole data set (cache.h, data_digest). A change of the drawing changes it. */
#define SYNTH_DATA_SHA256 "5cc172c022644e54a94b990e34ceff03fb2e48a4f4721fbe127631083c3a3f9a"

uint8_t synth_label(uint32_t index);
void synth_image(uint32_t index, uint8_t ret_pixels[IDX_PIXELS]);
