/*
 * A FIDO key in software, for SSH_SK_PROVIDER: the sk-api of OpenSSH in its version 0x000a0000 (that of OpenSSH 9.2).
 *
 * Owns making keys and signing with them (Ed25519, P-256). The key handle is the private key itself, so nothing is
 * kept: a key for tests, worth nothing as a second factor. Only libcrypto's run-time library is needed, hence the few
 * prototypes instead of its headers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 0x000a0000
#define ECDSA 0
#define ED25519 1
#define GENERAL_ERROR (-1)
#define UNSUPPORTED (-2)
#define HASH 32
#define SIGNED (HASH + 1 + 4 + HASH)

typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;

EVP_PKEY *EVP_PKEY_Q_keygen(void *context, const char *properties, const char *type, ...);
size_t EVP_PKEY_get1_encoded_public_key(EVP_PKEY *key, unsigned char **encoded);
int EVP_PKEY_get_raw_public_key(const EVP_PKEY *key, unsigned char *raw, size_t *length);
void EVP_PKEY_free(EVP_PKEY *key);
int i2d_PrivateKey(const EVP_PKEY *key, unsigned char **encoded);
EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **key, const unsigned char **encoded, long length);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *context);
const EVP_MD *EVP_sha256(void);
int EVP_Digest(const void *data, size_t length, unsigned char *digest, unsigned int *size, const EVP_MD *type, void *engine);
int EVP_DigestSignInit(EVP_MD_CTX *context, void **key_context, const EVP_MD *type, void *engine, EVP_PKEY *key);
int EVP_DigestSign(EVP_MD_CTX *context, unsigned char *signature, size_t *size, const unsigned char *data, size_t length);
void CRYPTO_free(void *memory, const char *file, int line);

/* The structures of sk-api.h. ssh frees what they point to by free(). */
struct enrolled {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct signature {
	uint8_t flags;
	uint32_t counter;
	uint8_t *r;
	size_t r_len;
	uint8_t *s;
	size_t s_len;
};

uint32_t sk_api_version(void)
{
	return API_VERSION;
}

static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length);
	return copy == NULL ? NULL : memcpy(copy, bytes, length);
}

/* The public key as ssh wants it: 32 bytes, or an uncompressed point. */
static int tell_public_key(EVP_PKEY *key, uint32_t algorithm, struct enrolled *enrolled)
{
	unsigned char raw[HASH], *point = NULL;
	size_t length = sizeof(raw);

	if (algorithm == ED25519) {
		if (EVP_PKEY_get_raw_public_key(key, raw, &length) != 1)
			return GENERAL_ERROR;
		enrolled->public_key = copy_of(raw, length);
	} else {
		if ((length = EVP_PKEY_get1_encoded_public_key(key, &point)) == 0)
			return GENERAL_ERROR;
		enrolled->public_key = copy_of(point, length);
		CRYPTO_free(point, __FILE__, __LINE__);
	}
	enrolled->public_key_len = length;
	return enrolled->public_key == NULL ? GENERAL_ERROR : 0;
}

static int tell_handle(EVP_PKEY *key, struct enrolled *enrolled)
{
	unsigned char handle[512], *end = handle;
	int length = i2d_PrivateKey(key, NULL);

	if (length <= 0 || length > (int)sizeof(handle) || i2d_PrivateKey(key, &end) != length)
		return GENERAL_ERROR;
	enrolled->key_handle = copy_of(handle, (size_t)length);
	enrolled->key_handle_len = (size_t)length;
	return enrolled->key_handle == NULL ? GENERAL_ERROR : 0;
}

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_length, const char *application,
    uint8_t flags, const char *pin, void **options, struct enrolled **answer)
{
	struct enrolled *enrolled;
	EVP_PKEY *key;
	int result = GENERAL_ERROR;

	(void)challenge, (void)challenge_length, (void)application, (void)pin, (void)options;
	*answer = NULL;
	if (algorithm != ED25519 && algorithm != ECDSA)
		return UNSUPPORTED;
	key = algorithm == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	enrolled = calloc(1, sizeof(*enrolled));
	if (key != NULL && enrolled != NULL && tell_public_key(key, algorithm, enrolled) == 0 &&
	    tell_handle(key, enrolled) == 0 && (enrolled->signature = calloc(1, 1)) != NULL) {
		enrolled->flags = flags;
		*answer = enrolled;
		result = 0;
	}
	/* After a failure ssh-keygen ends; what was allocated goes with it. */
	EVP_PKEY_free(key);
	return result;
}

static int hash(const void *data, size_t length, uint8_t *digest)
{
	return EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : GENERAL_ERROR;
}

/* Takes one INTEGER out of a DER signature, without the zero that keeps it positive. */
static const uint8_t *take_integer(const uint8_t *der, uint8_t **bytes, size_t *length)
{
	const uint8_t *start = der + 2;
	size_t size = der[1];

	*length = start[0] == 0 ? size - 1 : size;
	*bytes = copy_of(start + (size - *length), *length);
	return start + size;
}

static int sign(EVP_PKEY *key, uint32_t algorithm, const uint8_t *data, struct signature *signature)
{
	uint8_t bytes[128];
	size_t length = sizeof(bytes);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *digest = algorithm == ED25519 ? NULL : EVP_sha256();
	int result = GENERAL_ERROR;

	if (context != NULL && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
	    EVP_DigestSign(context, bytes, &length, data, SIGNED) == 1) {
		if (algorithm == ED25519) {
			signature->r = copy_of(bytes, length);
			signature->r_len = length;
		} else {
			/* SEQUENCE { r, s }, shorter than 128 bytes for P-256. */
			const uint8_t *second = take_integer(bytes + 2, &signature->r, &signature->r_len);
			take_integer(second, &signature->s, &signature->s_len);
		}
		result = 0;
	}
	EVP_MD_CTX_free(context);
	return result;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t length, const char *application,
    const uint8_t *handle, size_t handle_length, uint8_t flags, const char *pin, void **options,
    struct signature **answer)
{
	static const uint8_t counter[4] = { 0, 0, 0, 1 };
	uint8_t to_sign[SIGNED];
	struct signature *signature = calloc(1, sizeof(*signature));
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &handle, (long)handle_length);
	int result = GENERAL_ERROR;

	(void)pin, (void)options;
	*answer = NULL;
	to_sign[HASH] = flags;
	memcpy(to_sign + HASH + 1, counter, sizeof(counter));
	if (key != NULL && signature != NULL && hash(application, strlen(application), to_sign) == 0 &&
	    hash(data, length, to_sign + HASH + 1 + sizeof(counter)) == 0 &&
	    sign(key, algorithm, to_sign, signature) == 0) {
		signature->flags = flags;
		signature->counter = 1;
		*answer = signature;
		result = 0;
	}
	EVP_PKEY_free(key);
	return result;
}

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count)
{
	(void)pin, (void)options, (void)keys, (void)count;
	return UNSUPPORTED;
}
