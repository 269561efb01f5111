/* Requests, bundles and keys as PEM: what strangers send to an enrolment. */
#include "pki.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	char *text = strndup((const char *)p, n);
	uint8_t hash[SHA256_BYTES];
	struct pki_cert c;
	struct pki_key *k = NULL;
	size_t count;
	struct err e = {0};
	if (pki_csr_check(text, hash, &e) && !e.text[0])
		abort();
	e = (struct err){0};
	if (!pki_cert_read(text, &c, &e) && (!c.serial_n || c.serial_n > PKI_SERIAL_MAX))
		abort();
	if (!pki_bundle_check(text, &count, NULL) && count > MAX_CHAIN)
		abort();
	if (!pki_key_read(text, &k, NULL))
		pki_key_free(k);
	free(text);
	return 0;
}
