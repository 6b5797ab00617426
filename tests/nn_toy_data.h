/*
 * A small classification problem for tests: one random prototype per class, and samples that are
 * prototypes under noise. Learnt in tens of steps by a small network.
 */
#pragma once

#include "common/rng.h"
#include "worker/nn/samples.h"

#include <stdlib.h>

enum { TOY_PIXELS = 20, TOY_CLASSES = 5, TOY_TRAIN = 400, TOY_TEST = 300 };

struct toy_data {
    uint8_t images[(TOY_TRAIN + TOY_TEST) * TOY_PIXELS];
    uint8_t labels[TOY_TRAIN + TOY_TEST];
    struct samples train, test; /* into the above */
};

static inline uint8_t toy_pixel(double x)
{
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

static inline void toy_data_fill(struct toy_data *toy, uint64_t seed, double noise)
{
    uint8_t prototype[TOY_CLASSES][TOY_PIXELS];
    struct rng rng;

    rng_init(&rng, seed, RNG_SYNTH, 0);
    for (int c = 0; c < TOY_CLASSES; c++) {
        for (int p = 0; p < TOY_PIXELS; p++) {
            prototype[c][p] = (uint8_t)rng_below(&rng, 256);
        }
    }
    for (int i = 0; i < TOY_TRAIN + TOY_TEST; i++) {
        toy->labels[i] = (uint8_t)rng_below(&rng, TOY_CLASSES);
        for (int p = 0; p < TOY_PIXELS; p++) {
            toy->images[i * TOY_PIXELS + p] =
                toy_pixel(prototype[toy->labels[i]][p] + noise * rng_normal(&rng));
        }
    }
    toy->train = (struct samples){toy->images, toy->labels, TOY_TRAIN, TOY_PIXELS, TOY_CLASSES};
    toy->test = (struct samples){toy->images + TOY_TRAIN * TOY_PIXELS, toy->labels + TOY_TRAIN,
                                 TOY_TEST, TOY_PIXELS, TOY_CLASSES};
}
