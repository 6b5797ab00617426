#include "common/kernel_family.h"

#include <stddef.h>
#include <strings.h>

/* Only what was seen equal: ten networks (1 to 7 hidden layers of 1 to 2,000 units, all three kinds
 * of batch normalization, batches of 1 to 5,000, adam, sgd and rmsprop), trained for up to 25 steps
 * on MNIST with OpenBLAS 0.3.21 on an Intel Xeon with AVX-512, had the same weights_sha256 on both.
 * SkylakeX and Prescott gave other bits on nine of them; Cooperlake could not be tried there. */
static const char *const same_code[][2] = {
    {"Zen", "Haswell"},
};

const char *kernel_family(const char *kernel)
{
    for (size_t i = 0; i < sizeof(same_code) / sizeof(*same_code); i++) {
        if (strcasecmp(kernel, same_code[i][0]) == 0) {
            return same_code[i][1];
        }
    }
    return kernel;
}

bool kernel_families_agree(const char *a, const char *b)
{
    return a[0] && b[0] && strcasecmp(kernel_family(a), kernel_family(b)) == 0;
}
