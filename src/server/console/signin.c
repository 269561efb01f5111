#include "signin.h"

#include "clock.h"
#include "text.h"

#include <arpa/inet.h>

/* Who was wrong and then kept quiet that long starts anew. */
#define FORGET_US (INT64_C(3600) * US_PER_S)

int signin_delay_s(int64_t failures)
{
	int64_t n = failures - FREE_FAILURES;

	if (n < 0)
		return 0;
	return n > 8 || 2 << n > MAX_DELAY_S ? MAX_DELAY_S : 2 << n;
}

void signin_address(char dst[MAX_ADDRESS], const char *address)
{
	uint8_t ip[16];

	(void)snprintf(dst, MAX_ADDRESS, "%s", address);
	if (inet_pton(AF_INET6, address, ip) != 1)
		return;
	memset(ip + 8, 0, 8);
	(void)inet_ntop(AF_INET6, ip, dst, MAX_ADDRESS);
}

static void subject_of(char dst[MAX_ACCOUNT_NAME * 4 + 1], const char *name)
{
	if (text_fold(dst, MAX_ACCOUNT_NAME * 4 + 1, name))
		dst[0] = 0;
}

int signin_attempt(struct db *db, struct call *c, const char *name)
{
	char subject[MAX_ACCOUNT_NAME * 4 + 1], address[MAX_ADDRESS];
	int64_t now = clock_real_us(), failures = 0, until = 0;
	int r;

	subject_of(subject, name);
	signin_address(address, c->address);
	r = db_exec(db, NULL, "delete from signin_failure where until_real < $1", "i", now - FORGET_US);
	if (!r)
		r = db_row(db,
		    "insert into signin_failure(subject, address, failures, until_real) values ($1, $2, 1, $3)"
		    " on conflict(subject, address) do update set failures = signin_failure.failures + 1"
		    " returning failures, until_real",
		    "tti", subject, address, now, "ii", &failures, &until);
	if (!r && until > now) {
		c->answer.retry_after_s = (int)((until - now) / US_PER_S) + 1;
		return call_refuse(c, PROBLEM_SLOW_DOWN, "", NULL);
	}
	if (!r)
		r = db_exec(db, NULL, "update signin_failure set until_real = $3 where subject = $1 and address = $2",
		    "tti", subject, address, now + signin_delay_s(failures) * US_PER_S);
	return r;
}

int signin_clear(struct db *db, const struct call *c, const char *name)
{
	char subject[MAX_ACCOUNT_NAME * 4 + 1], address[MAX_ADDRESS];

	subject_of(subject, name);
	signin_address(address, c->address);
	return db_exec(
	    db, NULL, "delete from signin_failure where subject = $1 and address = $2", "tt", subject, address);
}
