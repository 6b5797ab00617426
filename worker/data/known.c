#include "worker/data/known.h"

#include "worker/data/synth.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const struct known_dataset known[] = {
    {
        .name = "mnist",
        .torchvision = "MNIST",
        .mirrors = (const char *const[]){"https://storage.googleapis.com/cvdf-datasets/mnist/",
                                         "https://ossci-datasets.s3.amazonaws.com/mnist/", NULL},
        .file =
            {
                [DATASET_TRAIN_IMAGES] =
                    {"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
                [DATASET_TRAIN_LABELS] =
                    {"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
                [DATASET_TEST_IMAGES] =
                    {"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
                [DATASET_TEST_LABELS] =
                    {"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
            },
        .data_sha256 = "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7",
    },
    {
        .name = "fashion-mnist",
        .torchvision = "FashionMNIST",
        .mirrors =
            (const char *const[]){"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                                  "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
                                  "master/data/fashion/",
                                  NULL},
        .file =
            {
                [DATASET_TRAIN_IMAGES] =
                    {"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", NULL},
                [DATASET_TRAIN_LABELS] =
                    {"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", NULL},
                [DATASET_TEST_IMAGES] =
                    {"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", NULL},
                [DATASET_TEST_LABELS] =
                    {"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", NULL},
            },
    },
    {
        .name = KNOWN_SYNTHETIC,
        .mirrors = (const char *const[]){NULL},
        .data_sha256 = SYNTH_DATA_SHA256,
    },
};

const struct known_dataset *known_find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

/* The next letter or digit, in lower case; '\0' at the end. */
static int next_letter(const char **at)
{
    while (**at != '\0' && strchr("-_.", **at) != NULL) {
        (*at)++;
    }
    return **at == '\0' ? '\0' : tolower((unsigned char)*(*at)++);
}

static bool is_like(const char *a, const char *b)
{
    int letter;
    do {
        letter = next_letter(&a);
        if (letter != next_letter(&b)) {
            return false;
        }
    } while (letter != '\0');
    return true;
}

const char *known_like(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0] && known_find(name) == NULL; i++) {
        if (is_like(known[i].name, name)) {
            return known[i].name;
        }
    }
    return NULL;
}

enum known_verdict known_compare(const struct known_dataset *dataset, enum dataset_file file,
                                 const char *stored_sha256, const char *plain_sha256)
{
    const struct known_file *expected = &dataset->file[file];
    if (expected->plain_sha256 != NULL) { /* however it was compressed */
        return strcmp(expected->plain_sha256, plain_sha256) == 0 ? KNOWN_SAME : KNOWN_DIFFERENT;
    }
    const bool compressed = strcmp(stored_sha256, plain_sha256) != 0;
    if (expected->gz_sha256 == NULL || !compressed) {
        return KNOWN_UNCERTAIN;
    }
    return strcmp(expected->gz_sha256, stored_sha256) == 0 ? KNOWN_SAME : KNOWN_DIFFERENT;
}
