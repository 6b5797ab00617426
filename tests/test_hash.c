#include "tests/test.h"

#include "common/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FIPS 180-2, appendix B. */
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void digest_of_abc_is_the_published_one(void **state)
{
    (void)state;
    char hex[SHA256_HEX_SIZE];
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, abc);
}

static void pieces_hash_like_the_whole(void **state)
{
    (void)state;
    struct sha256 *hash = sha256_begin();
    sha256_add(hash, "a", 1);
    sha256_add(hash, "bc", 2);
    char hex[SHA256_HEX_SIZE];
    sha256_end(hash, hex);
    assert_string_equal(hex, abc);
}

static void files_hash_like_their_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/ninety-hash-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    char hex[SHA256_HEX_SIZE];
    assert_int_equal(sha256_file(path, hex), 0);
    assert_string_equal(hex, abc);
    unlink(path);
    assert_int_equal(sha256_file(path, hex), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_of_abc_is_the_published_one),
        cmocka_unit_test(pieces_hash_like_the_whole),
        cmocka_unit_test(files_hash_like_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
