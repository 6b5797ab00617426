#include "common/json_number.h"

#include <math.h>

bool json_number_integral(const json_t *json, int64_t *ret)
{
    if (json_is_integer(json)) {
        *ret = json_integer_value(json);
        return true;
    }
    if (json_is_real(json)) {
        double real = json_real_value(json);
        if (real == floor(real) && fabs(real) < 0x1p53) {
            *ret = (int64_t)real;
            return true;
        }
    }
    return false;
}
