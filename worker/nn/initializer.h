/*
 * How weights start: the five initializers with Keras' definitions (tf.keras.initializers,
 * VarianceScaling). A normal one is truncated at two of its own standard deviations and widened by
 * 1 / 0.87962566, so that what is left has the variance asked for.
 *
 *     he_normal, he_uniform          variance 2 / n_in                He et al. 2015
 *     glorot_normal, glorot_uniform  variance 2 / (n_in + n_out)      Glorot & Bengio 2010
 *     lecun_normal                   variance 1 / n_in                LeCun et al. 1998
 */
#pragma once

#include "common/config.h"

/* Fills w[n_in x n_out] from the stream (seed, RNG_INIT, layer). */
void initializer_fill(enum initializer initializer, uint64_t seed, int layer, int n_in, int n_out,
                      float *w);
