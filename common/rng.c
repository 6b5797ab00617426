#include "common/rng.h"

#include <math.h>

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

void rng_philox(uint64_t seed, uint64_t counter, uint32_t purpose, uint32_t index,
                uint32_t ret_block[4])
{
    uint32_t x0 = (uint32_t)counter, x1 = (uint32_t)(counter >> 32), x2 = purpose, x3 = index;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * x0;
        uint64_t p1 = (uint64_t)PHILOX_M1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    ret_block[0] = x0;
    ret_block[1] = x1;
    ret_block[2] = x2;
    ret_block[3] = x3;
}

void rng_init(struct rng *rng, uint64_t seed, enum rng_purpose purpose, uint32_t index)
{
    *rng = (struct rng){.seed = seed, .purpose = purpose, .index = index};
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->n_left == 0) {
        rng_philox(rng->seed, rng->counter++, rng->purpose, rng->index, rng->block);
        rng->n_left = 4;
    }
    return rng->block[4 - rng->n_left--];
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t low = rng_u32(rng);
    return low | (uint64_t)rng_u32(rng) << 32;
}

double rng_uniform(struct rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
    uint64_t product = (uint64_t)rng_u32(rng) * n;
    if ((uint32_t)product < n) {
        uint32_t threshold = -n % n;
        while ((uint32_t)product < threshold) {
            product = (uint64_t)rng_u32(rng) * n;
        }
    }
    return (uint32_t)(product >> 32);
}

/* Peter J. Acklam, "An algorithm for computing the inverse normal cumulative distribution
 * function" (2003). */
static double tail_quantile(double q)
{
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00};
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1.0);
}

static double normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    const double p_low = 0.02425;
    if (p < p_low) {
        return tail_quantile(sqrt(-2.0 * log(p)));
    }
    if (p > 1.0 - p_low) {
        return -tail_quantile(sqrt(-2.0 * log1p(-p)));
    }
    double q = p - 0.5;
    double r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1.0);
}

double rng_normal(struct rng *rng)
{
    double p = ((double)(rng_u64(rng) >> 11) + 0.5) * 0x1p-53; /* never 0 nor 1 */
    return normal_quantile(p);
}

double rng_truncated_normal(struct rng *rng)
{
    double x;
    do {
        x = rng_normal(rng);
    } while (x < -2.0 || x > 2.0);
    return x;
}
