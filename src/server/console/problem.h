/* What the API answers when it does not do what it was asked: a closed list, each with its status and its words. */
#ifndef PROBLEM_H
#define PROBLEM_H

enum problem {
	PROBLEM_NONE,
	PROBLEM_MALFORMED,   /* 400 not JSON, not UTF-8, wrong content type */
	PROBLEM_INVALID,     /* 400 a member or parameter is missing, unknown, of the wrong type or out of bounds */
	PROBLEM_NO_SESSION,  /* 401 no, unknown, ended or expired session or token */
	PROBLEM_CREDENTIALS, /* 401 name or password wrong */
	PROBLEM_CSRF,        /* 403 */
	PROBLEM_FORBIDDEN,   /* 403 */
	PROBLEM_MUST_CHANGE, /* 403 the password must be changed first */
	PROBLEM_NOT_FOUND,   /* 404 */
	PROBLEM_METHOD,      /* 405 */
	PROBLEM_CONFLICT,    /* 409 */
	PROBLEM_TOO_LARGE,   /* 413 */
	PROBLEM_KEY_REUSED,  /* 422 an Idempotency-Key that stood before another request */
	PROBLEM_SLOW_DOWN,   /* 429 */
	PROBLEM_INTERNAL,    /* 500 */
	PROBLEM_UNAVAILABLE, /* 501 */
	PROBLEM_BUSY,        /* 503 */
	PROBLEM_END
};

enum language { VIETNAMESE, ENGLISH };

struct problem_words {
	int status;
	const char *code;
	const char *message[2]; /* by enum language */
};

const struct problem_words *problem_words(enum problem p);
/* The problem that a library's negative errno stands for; PROBLEM_INTERNAL for one that nobody expected. */
enum problem problem_of(int r);
/* Vietnamese, unless Accept-Language names English with a higher weight. NULL is fine. */
enum language language_of(const char *accept_language);

#endif
