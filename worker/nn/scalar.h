/*
 * Elementary functions and the nine activations on one float, written without branches and calls
 * so that a loop over them is vectorized. Multiply and add only, in a fixed order: the same bits
 * whatever the vector width. Included by the kernels alone.
 */
#pragma once

#include "common/config.h"

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define SELU_SCALE 1.05070098735548049f /* Klambauer et al. 2017 */
#define SELU_ALPHA 1.67326324235437728f
#define LEAKY_SLOPE 0.2f /* tf.nn.leaky_relu */

INLINE float scalar_from_bits(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

INLINE float scalar_clamp(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* e^x by 2^n e^r, |r| <= ln 2 / 2, and a polynomial of degree 6 (Cephes expf); x is clamped to
 * where the result is a normal number. Within 2 ulp. NaN stays NaN. */
INLINE float scalar_exp(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float c = scalar_clamp(x, -87.0f, 88.0f);
    float n = (c * 1.44269504088896341f + round) - round;
    float r = c - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;

    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;

    /* A NaN must not reach the conversion to int; x - x is NaN for it and else 0. */
    int32_t exponent = (int32_t)(n == n ? n : 0.0f);
    return p * scalar_from_bits((exponent + 127) << 23);
}

INLINE float scalar_sigmoid(float x)
{
    return 1.0f / (1.0f + scalar_exp(-x));
}

/* x P(x^2) / Q(x^2), a minimax rational function (as in Eigen); within 5 ulp. */
INLINE float scalar_tanh(float x)
{
    float c = scalar_clamp(x, -7.90531110763549805f, 7.90531110763549805f);
    float s = c * c;

    float p = -2.76076847742355e-16f;
    p = p * s + 2.00018790482477e-13f;
    p = p * s + -8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;

    float q = 1.19825839466702e-06f;
    q = q * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return c * p / q;
}

/* e^x - 1 for x <= 0. A sum that cancels near 0 would lose all digits there; tanh does not:
 * e^x - 1 = 2 t / (1 - t), t = tanh(x / 2). */
INLINE float scalar_expm1_negative(float x)
{
    float t = scalar_tanh(0.5f * x);
    return 2.0f * t / (1.0f - t);
}

/* The standard normal density and distribution; erfc by Abramowitz and Stegun 7.1.26, whose
 * error is below 1.5e-7. */
INLINE float scalar_normal_density(float x)
{
    return 0.398942280401432678f * scalar_exp(-0.5f * x * x);
}

INLINE float scalar_normal_cdf(float x)
{
    float z = (x < 0 ? -x : x) * 0.707106781186547524f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t + -1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t + -0.284496736f;
    p = p * t + 0.254829592f;
    float tail = 0.5f * p * t * scalar_exp(-z * z);
    return x < 0 ? tail : 1.0f - tail;
}

/* f(x); with a constant f this is one straight line. */
INLINE float scalar_activation(enum activation f, float x)
{
    switch (f) {
    case ACTIVATION_RELU:
        return x < 0 ? 0 : x; /* a NaN passes */
    case ACTIVATION_LEAKY_RELU:
        return x < 0 ? LEAKY_SLOPE * x : x;
    case ACTIVATION_ELU:
        return x < 0 ? scalar_expm1_negative(x) : x;
    case ACTIVATION_SELU:
        return SELU_SCALE * (x < 0 ? SELU_ALPHA * scalar_expm1_negative(x) : x);
    case ACTIVATION_GELU:
        return x * scalar_normal_cdf(x);
    case ACTIVATION_SILU:
        return x * scalar_sigmoid(x);
    case ACTIVATION_SIGMOID:
        return scalar_sigmoid(x);
    case ACTIVATION_TANH:
        return scalar_tanh(x);
    default:
        return x;
    }
}

/* f'(x), given y = f(x), which is the cheaper argument for most. */
INLINE float scalar_derivative(enum activation f, float x, float y)
{
    switch (f) {
    case ACTIVATION_RELU:
        return y > 0 ? 1.0f : 0.0f;
    case ACTIVATION_LEAKY_RELU:
        return y > 0 ? 1.0f : LEAKY_SLOPE;
    case ACTIVATION_ELU:
        return y > 0 ? 1.0f : y + 1.0f;
    case ACTIVATION_SELU:
        return y > 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
    case ACTIVATION_GELU:
        return scalar_normal_cdf(x) + x * scalar_normal_density(x);
    case ACTIVATION_SILU: {
        float s = scalar_sigmoid(x);
        return s * (1.0f + x * (1.0f - s));
    }
    case ACTIVATION_SIGMOID:
        return y * (1.0f - y);
    case ACTIVATION_TANH:
        return 1.0f - y * y;
    default:
        return 1.0f;
    }
}
