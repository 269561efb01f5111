#include "ca_issue.h"

#include "ca_config.h"
#include "rnd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SERIAL_BYTES = 16, MAX_BACK_S = 3600 };

struct extension {
	int nid;
	const char *value;
};

static int failed(void)
{
	ERR_clear_error();
	return -ENOMEM;
}

/* Random, positive, and of exactly 16 bytes. */
static int set_serial(X509 *c)
{
	unsigned char raw[SERIAL_BYTES];
	rnd_bytes(raw, sizeof raw);
	raw[0] = (unsigned char)((raw[0] & 0x3f) | 0x40);
	BIGNUM *n = BN_bin2bn(raw, sizeof raw, NULL);
	ASN1_INTEGER *serial = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	int good = serial && X509_set_serialNumber(c, serial);
	ASN1_INTEGER_free(serial);
	BN_free(n);
	return good ? 0 : failed();
}

/* Begins a little in the past: the clocks of two computers are never the same. */
static int set_time(X509 *c, int64_t seconds)
{
	time_t now = time(NULL);
	int64_t back = seconds / 10 < MAX_BACK_S ? seconds / 10 : MAX_BACK_S;
	bool good = ASN1_TIME_set(X509_getm_notBefore(c), now - (time_t)back) &&
	            ASN1_TIME_set(X509_getm_notAfter(c), now + (time_t)seconds);
	return good ? 0 : failed();
}

static int set_subject(X509 *c, const char *common_name)
{
	X509_NAME *name = X509_NAME_new();
	bool good = name &&
	            X509_NAME_add_entry_by_NID(
	                name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
	            X509_set_subject_name(c, name);
	X509_NAME_free(name);
	return good ? 0 : failed();
}

static int add_extensions(X509 *c, X509 *issuer, const struct extension *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		X509V3_CTX ctx;
		X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
		X509V3_set_ctx_nodb(&ctx);
		X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, v[i].nid, v[i].value);
		int good = x && X509_add_ext(c, x, -1);
		X509_EXTENSION_free(x);
		if (!good)
			return failed();
	}
	return 0;
}

/* issuer NULL: self-signed. */
static int finish(X509 *c, X509 *issuer, const struct pki_key *key, const struct extension *v, size_t n)
{
	X509 *by = issuer ? issuer : c;
	int r = set_serial(c);
	if (!r && (!X509_set_version(c, 2) || !X509_set_issuer_name(c, X509_get_subject_name(by))))
		r = failed();
	if (!r)
		r = add_extensions(c, by, v, n);
	if (!r && !X509_sign(c, pki_key_evp(key), EVP_sha256()))
		r = failed();
	return r;
}

static int issue_leaf(const struct ca_issuer *i, const char *csr_pem, const char *common_name, int64_t seconds,
    const struct extension *v, size_t n, X509 **ret, struct err *e)
{
	X509_REQ *q;
	int r = pki_csr_parse(csr_pem, &q, e);
	if (r)
		return r;
	X509 *c = X509_new();
	r = c && X509_set_pubkey(c, X509_REQ_get0_pubkey(q)) ? 0 : failed();
	if (!r)
		r = set_time(c, seconds);
	if (!r)
		r = set_subject(c, common_name);
	if (!r)
		r = finish(c, i->cert, i->key, v, n);
	X509_REQ_free(q);
	if (r)
		X509_free(c);
	else
		*ret = c;
	return r ? err_set(e, r, "the certificate could not be made") : 0;
}

#define LEAF(use)                                                                                                      \
	{NID_basic_constraints, "critical,CA:FALSE"}, {NID_key_usage, "critical,digitalSignature"},                    \
	    {NID_ext_key_usage, use}, {NID_subject_key_identifier, "hash"},                                            \
	{                                                                                                              \
		NID_authority_key_identifier, "keyid:always"                                                           \
	}

int ca_issue_agent(
    const struct ca_issuer *i, const char *csr_pem, const char *machine, int64_t seconds, X509 **ret, struct err *e)
{
	static const struct extension v[] = {LEAF("clientAuth")};
	size_t n = strspn(machine, "0123456789abcdef");
	if (n != 32 || machine[n])
		return err_set(e, -EINVAL, "the machine's id is not 32 lower-case hex digits");
	return issue_leaf(i, csr_pem, machine, seconds, v, sizeof v / sizeof *v, ret, e);
}

static bool is_address(const char *name)
{
	struct in6_addr a;
	return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

int ca_issue_server(
    const struct ca_issuer *i, const char *csr_pem, const char *names, int64_t seconds, X509 **ret, struct err *e)
{
	struct buf alt = BUF_INIT(2 * CA_MAX_NAMES);
	char name[256];
	while (ca_next_name(&names, name, sizeof name))
		buf_addf(&alt, "%s%s:%s", alt.n ? "," : "", is_address(name) ? "IP" : "DNS", name);
	const struct extension v[] = {LEAF("serverAuth"), {NID_subject_alt_name, buf_str(&alt)}};
	int r = alt.error ? err_set(e, alt.error, "too many names")
	                  : issue_leaf(i, csr_pem, "khien-server", seconds, v, sizeof v / sizeof *v, ret, e);
	buf_release(&alt);
	return r;
}

static const struct extension ca_extensions[] = {{NID_basic_constraints, "critical,CA:TRUE"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"}, {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"}};
enum { N_CA_EXTENSIONS = sizeof ca_extensions / sizeof *ca_extensions };

int ca_issue_root(const struct pki_key *key, int64_t generation, int64_t seconds, X509 **ret)
{
	char name[64];
	snprintf(name, sizeof name, "Khiên CA %lld", (long long)generation);
	X509 *c = X509_new();
	int r = c && X509_set_pubkey(c, pki_key_evp(key)) ? set_time(c, seconds) : failed();
	if (!r)
		r = set_subject(c, name);
	if (!r)
		r = finish(c, NULL, key, ca_extensions, N_CA_EXTENSIONS);
	if (r)
		X509_free(c);
	else
		*ret = c;
	return r;
}

/* Ends when the older one ends: beyond that it would bring nobody further. */
int ca_issue_cross(const struct ca_issuer *older, X509 *root, X509 **ret)
{
	X509 *c = X509_new();
	bool good = c && X509_set_pubkey(c, X509_get0_pubkey(root)) &&
	            X509_set_subject_name(c, X509_get_subject_name(root)) &&
	            X509_set1_notBefore(c, X509_get0_notBefore(root)) &&
	            X509_set1_notAfter(c, X509_get0_notAfter(older->cert));
	int r = good ? finish(c, older->cert, older->key, ca_extensions, N_CA_EXTENSIONS) : failed();
	if (r)
		X509_free(c);
	else
		*ret = c;
	return r;
}
