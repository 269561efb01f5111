/* The centre's API: where it is, who we are, one call. */
#ifndef CLI_API_H
#define CLI_API_H

#include "cli.h"

struct api_answer {
	int status;
	char *body; /* owned, ends in NUL */
	size_t n;
	char session[80]; /* the session that a sign-in gave, "" else */
	char type[64];
};

/* A call; any status is CLI_OK here, no answer at all has been told. body may be NULL. type: of the body. path has its
 * query. Free answer->body. */
enum cli_exit api_call(struct cli *c, const char *method, const char *path, const char *type, const void *body,
    size_t n, struct api_answer *ret);
/* The same with JSON both ways; every status but 2xx has been told, in the centre's words. ret may be NULL; *ret is
 * NULL for an answer without a body. */
enum cli_exit api_json(struct cli *c, const char *method, const char *path, const json_t *body, json_t **ret);
/* Tells what a refusing answer says, and gives the exit code for it. CLI_OK for 2xx. */
enum cli_exit api_refused(const struct cli *c, const struct api_answer *a);

/* From now on this is who we are (a sign-in's session, before its token is on the disk). */
enum cli_exit api_become(struct cli *c, const char *bearer);
/* The file that keeps the token; told when the configuration names none. */
enum cli_exit api_token_file(struct cli *c, const char **ret);
enum cli_exit api_config(struct cli *c); /* reads it; told when there is none */
const char *api_agent_socket(struct cli *c);
const char *api_ca_socket(struct cli *c); /* NULL: not on this host, as far as the configuration says */

void api_close(struct cli *c);

#endif
