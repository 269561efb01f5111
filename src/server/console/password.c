#include "account.h"

#include "str.h"

#include <sodium.h>

/* Two passes over 64 MiB: libsodium's "interactive", about 0,1 s of one core. The worker's threads bound how many run.
 */
#define OPS    crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE

_Static_assert(PASSWORD_HASH >= crypto_pwhash_argon2id_STRBYTES, "the hash's text fits");

int password_hash(char dst[PASSWORD_HASH], const char *password)
{
	char text[crypto_pwhash_argon2id_STRBYTES];

	if (crypto_pwhash_argon2id_str(text, password, strlen(password), OPS, MEMORY))
		return -ENOMEM;
	return str_copy(dst, PASSWORD_HASH, text);
}

int password_verify(const char *hash, const char *password)
{
	char none[PASSWORD_HASH];

	if (hash && *hash)
		return crypto_pwhash_argon2id_str_verify(hash, password, strlen(password)) ? -EACCES : 0;
	(void)password_hash(none, password);
	return -EACCES;
}

int password_acceptable(const char *password, const char *account_name, struct err *e)
{
	size_t n = strlen(password), characters = 0;

	for (size_t i = 0; i < n; i++)
		characters += (password[i] & 0xc0) != 0x80;
	if (characters < MIN_PASSWORD)
		return err_set(e, -EINVAL, "a password has at least %d characters", MIN_PASSWORD);
	if (n > MAX_PASSWORD)
		return err_set(e, -EINVAL, "a password has at most %d bytes", MAX_PASSWORD);
	if (str_eq(password, account_name))
		return err_set(e, -EINVAL, "a password is not the account's own name");
	return 0;
}

bool account_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n < 2 || n > MAX_ACCOUNT_NAME || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return false;
	return !strchr("._-", name[0]);
}
