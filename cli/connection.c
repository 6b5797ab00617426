#include "cli/connection.h"

#include "cli/command.h"
#include "common/address.h"
#include "common/database_file.h"
#include "common/token.h"
#include "worker/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A client of the daemon at `url`, with the token that flag or environment give. */
static int connect_to(const char *url, const struct args *args, struct connection *ret,
                      struct error *error)
{
    char address[ADDRESS_SIZE], token[TOKEN_SIZE];

    int result = address_parse(url, address, error);
    if (result == 0) {
        result = token_find(args_value(args, "token-file"), token, error);
    }
    if (result != 0) {
        return result;
    }
    transfer_trust(args_value(args, "ca-file"));
    ret->client = client_create(address, token[0] ? token : NULL);
    return 0;
}

static int open_remote(const struct args *args, struct connection *ret, struct error *error)
{
    const char *url = args_value(args, "daemon");

    if (!url) {
        url = getenv("NINETY_DAEMON");
    }
    int result = connect_to(url && *url ? url : ADDRESS_DEFAULT, args, ret, error);
    if (result != 0) {
        return result;
    }
    if (args->command->sets & OPTIONS_DATABASE) {
        client_set_remedy(ret->client, "read a database without one with --db FILE");
    } else if (args->command->sets & OPTIONS_SWEEP) {
        client_set_remedy(ret->client, "train without one: 'ninety run' takes the same arguments");
    }
    return 0;
}

static int open_database(const struct args *args, struct connection *ret, struct error *error)
{
    const char *path = args_value(args, "db");
    struct local_options options = {.database = path};
    char *url = NULL;

    /* A daemon would make the file; who asks for results has mistyped its name. */
    if (access(path, R_OK) != 0) {
        return error_set(error, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    options.read_only = access(path, W_OK) != 0 || !database_file_folder_writable(path);
    int result = local_start(&options, &ret->local, error);
    if (result == 0) {
        ret->client = client_create(local_url(ret->local), NULL);
    } else if (result == LOCAL_IN_USE && (url = local_url_of_other(path))) {
        result = connect_to(url, args, ret, error);
    }
    free(url);
    return result;
}

int connection_open(const struct args *args, struct connection *ret, struct error *error)
{
    const char *database = args_value(args, "db");

    *ret = (struct connection){0};
    if (database && args_has(args, "daemon")) {
        return error_set(error, NULL, "--db and --daemon contradict each other: give one");
    }
    return database ? open_database(args, ret, error) : open_remote(args, ret, error);
}

void connection_close(struct connection *connection)
{
    client_destroy(connection->client);
    local_stop(connection->local);
    *connection = (struct connection){0};
}
