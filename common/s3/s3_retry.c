#include "common/s3/s3_retry.h"

#include "common/base/backoff.h"

#define REGIONS_MAX 2
/* A clock further off than this is the likely reason of a 403 without a better one; S3 itself
 * refuses at 15 minutes. */
#define SKEW_LIMIT_MS (5 * 60 * 1000)

#define USER(code, hint)                                                                           \
    {                                                                                              \
        code, S3_CLASS_USER, 0, S3_CLASS_USER, hint                                                \
    }
#define AGAIN(code)                                                                                \
    {                                                                                              \
        code, S3_CLASS_TRANSIENT, 0, S3_CLASS_TRANSIENT, ""                                        \
    }
#define SLOWER(code)                                                                               \
    {                                                                                              \
        code, S3_CLASS_THROTTLE, 0, S3_CLASS_THROTTLE, ""                                          \
    }
#define NEW_UPLOAD(code)                                                                           \
    {                                                                                              \
        code, S3_CLASS_RESTART, 0, S3_CLASS_RESTART, ""                                            \
    }

static const struct s3_code_row table[] = {
    /* transient */
    AGAIN("ConditionalRequestConflict"), /* in an upload: RESTART, see decide_code */
    AGAIN("ConnectionClosedByRequester"),
    AGAIN("IncompleteBody"),
    AGAIN("InternalError"),
    AGAIN("InternalErrors"),
    AGAIN("OperationAborted"),
    AGAIN("PriorRequestNotComplete"),
    AGAIN("RequestTimeout"),
    AGAIN("RequestTimeoutException"),
    AGAIN("ResponseInterrupted"),
    AGAIN("ServiceUnavailable"),
    AGAIN("XMinioServerNotInitialized"),
    /* throttling */
    SLOWER("BandwidthLimitExceeded"),
    SLOWER("EC2ThrottledException"),
    SLOWER("LimitExceededException"),
    SLOWER("ProvisionedThroughputExceededException"),
    SLOWER("RequestLimitExceeded"),
    SLOWER("RequestThrottled"),
    SLOWER("RequestThrottledException"),
    SLOWER("SlowDown"),
    SLOWER("SlowDownRead"),
    SLOWER("SlowDownWrite"),
    SLOWER("ThrottledException"),
    SLOWER("Throttling"),
    SLOWER("ThrottlingException"),
    SLOWER("TooManyRequests"),
    SLOWER("TooManyRequestsException"),
    SLOWER("TransactionInProgressException"),
    /* what arrived is not what was announced: once more, since the wire may be to blame */
    {"BadDigest", S3_CLASS_TRANSIENT, 2, S3_CLASS_FILE, "the data does not fit its checksum"},
    {"XAmzContentSHA256Mismatch", S3_CLASS_TRANSIENT, 2, S3_CLASS_FILE,
     "the data does not fit its SHA-256"},
    {"XAmzContentChecksumMismatch", S3_CLASS_TRANSIENT, 2, S3_CLASS_FILE,
     "the data does not fit its checksum"},
    /* signed for the wrong time or region */
    {"RequestTimeTooSkewed", S3_CLASS_SKEW, 0, S3_CLASS_SKEW, "this server's clock is wrong"},
    {"RequestExpired", S3_CLASS_SKEW, 0, S3_CLASS_SKEW, "this server's clock is wrong"},
    {"AuthorizationHeaderMalformed", S3_CLASS_REGION, 0, S3_CLASS_REGION,
     "the region is probably wrong"},
    {"IllegalLocationConstraintException", S3_CLASS_REGION, 0, S3_CLASS_REGION,
     "the bucket is in another region"},
    {"PermanentRedirect", S3_CLASS_REGION, 0, S3_CLASS_REGION, "the bucket is in another region"},
    {"Redirect", S3_CLASS_REGION, 0, S3_CLASS_REGION, "the bucket is in another region"},
    {"TemporaryRedirect", S3_CLASS_REGION, 0, S3_CLASS_REGION, "the bucket is in another region"},
    /* the multipart upload cannot be finished */
    NEW_UPLOAD("EntityTooSmall"),
    NEW_UPLOAD("InvalidPart"),
    NEW_UPLOAD("InvalidPartOrder"),
    NEW_UPLOAD("NoSuchUpload"),
    /* exists */
    {"PreconditionFailed", S3_CLASS_PRECONDITION, 0, S3_CLASS_PRECONDITION, "the object exists"},
    /* the user's */
    USER("AccessControlListNotSupported", "the bucket does not allow ACLs"),
    USER("AccessDenied", "the key is not allowed to do this"),
    USER("AccountProblem", "there is a problem with the account"),
    USER("AllAccessDisabled", "all access to the bucket is disabled"),
    USER("AmbiguousGrantByEmailAddress", ""),
    USER("AuthorizationQueryParametersError", ""),
    USER("BucketAlreadyExists", ""),
    USER("BucketAlreadyOwnedByYou", ""),
    USER("BucketNotEmpty", ""),
    USER("CredentialsNotSupported", ""),
    USER("CrossLocationLoggingProhibited", ""),
    USER("EntityTooLarge", "the file is larger than the store takes"),
    USER("ExpiredToken", "the session token has expired"),
    USER("IllegalVersioningConfigurationException", ""),
    USER("InlineDataTooLarge", ""),
    USER("InvalidAccessKeyId", "the access key is not known to the store"),
    USER("InvalidArgument", "a parameter is not accepted"),
    USER("InvalidBucketName", "the bucket name is not valid"),
    USER("InvalidBucketState", ""),
    USER("InvalidDigest", ""),
    USER("InvalidEncryptionAlgorithmError", "the encryption asked for is not known"),
    USER("InvalidHostHeader", ""),
    USER("InvalidHttpMethod", ""),
    USER("InvalidLocationConstraint", "the region is not valid"),
    USER("InvalidObjectState", "the object's storage class does not allow this"),
    USER("InvalidPayer", "access by this account is disabled"),
    USER("InvalidPolicyDocument", ""),
    USER("InvalidRange", ""),
    USER("InvalidRegion", "the region is not valid"),
    USER("InvalidRequest", "the bucket's settings refuse the request"),
    USER("InvalidSecurity", "the security credentials are not valid"),
    USER("InvalidSessionException", ""),
    USER("InvalidSignature", "the signature is not accepted"),
    USER("InvalidStorageClass", "the storage class is not known"),
    USER("InvalidTag", "a tag is not valid"),
    USER("InvalidToken", "the session token is not valid"),
    USER("InvalidTokenId", "the session token is not valid"),
    USER("InvalidURI", ""),
    USER("KeyTooLong", "the object key is too long"),
    USER("KeyTooLongError", "the object key is too long"),
    USER("KMS.AccessDeniedException", "the key is not allowed to use the KMS key"),
    USER("KMS.DisabledException", "the KMS key is disabled"),
    USER("KMS.InvalidKeyUsageException", "the KMS key is not for encryption"),
    USER("KMS.InvalidStateException", "the KMS key is in a state that forbids its use"),
    USER("KMS.KMSInvalidStateException", "the KMS key is in a state that forbids its use"),
    USER("KMS.NotFoundException", "the KMS key does not exist"),
    USER("MalformedXML", ""),
    USER("MaxMessageLengthExceeded", "the request is too large"),
    USER("MetadataTooLarge", "the object's metadata is too large"),
    USER("MethodNotAllowed", "the store does not allow this on the resource"),
    USER("MissingAuthenticationToken", ""),
    USER("MissingContentLength", ""),
    USER("MissingRequestBodyError", ""),
    USER("MissingSecurityHeader", ""),
    USER("NoSuchAccessPoint", "the access point does not exist"),
    USER("NoSuchBucket", "the bucket does not exist"),
    USER("NoSuchKey", "the object does not exist"),
    USER("NoSuchVersion", ""),
    USER("NotDeviceOwnerError", ""),
    USER("NotImplemented", "the store does not know this feature"),
    USER("NotSignedUp", "the account is not signed up for S3"),
    USER("ObjectLockConfigurationNotFoundError", ""),
    USER("QuotaExceeded", "the quota of the bucket or user is used up"),
    USER("RequestHeaderSectionTooLarge", "the object's metadata is too large"),
    USER("ServerSideEncryptionConfigurationNotFoundError", ""),
    USER("SignatureDoesNotMatch", "the secret key does not fit the access key"),
    USER("TokenCodeInvalidError", ""),
    USER("TokenRefreshRequired", "the session token must be renewed"),
    USER("TooManyBuckets", ""),
    USER("UnauthorizedAccess", "the account is not allowed to use the store"),
    USER("UnauthorizedAccessError", "the account is not allowed to use the store"),
    USER("UnexpectedContent", ""),
    USER("UnexpectedIPError", "the bucket's policy refuses this address"),
    USER("UnsupportedArgument", ""),
    USER("UnsupportedSignature", ""),
    USER("UserKeyMustBeSpecified", ""),
    USER("UserSuspended", "the user is suspended"),
    USER("XMinioStorageFull", "the store is full"),
};

static const struct {
    int status;
    enum s3_class class;
} status_table[] = {
    {301, S3_CLASS_REGION},       {302, S3_CLASS_REGION},    {307, S3_CLASS_REGION},
    {308, S3_CLASS_REGION},       {408, S3_CLASS_TRANSIENT}, {409, S3_CLASS_TRANSIENT},
    {412, S3_CLASS_PRECONDITION}, {425, S3_CLASS_TRANSIENT}, {429, S3_CLASS_THROTTLE},
    {500, S3_CLASS_TRANSIENT},    {502, S3_CLASS_TRANSIENT}, {503, S3_CLASS_TRANSIENT},
    {504, S3_CLASS_TRANSIENT},    {509, S3_CLASS_THROTTLE},
};

static const struct {
    const char *words;
    enum s3_class class;
} net_table[] = {
    [S3_NET_OK] = {"answered", S3_CLASS_OK},
    [S3_NET_RESOLVE] = {"the host name cannot be resolved", S3_CLASS_TRANSIENT},
    [S3_NET_CONNECT] = {"cannot connect", S3_CLASS_TRANSIENT},
    [S3_NET_TLS] = {"the TLS handshake failed", S3_CLASS_TRANSIENT},
    [S3_NET_CERT] = {"the server's certificate is not trusted", S3_CLASS_USER},
    [S3_NET_STALL] = {"no byte moved for too long", S3_CLASS_TRANSIENT},
    [S3_NET_LOST] = {"the connection was lost", S3_CLASS_TRANSIENT},
    [S3_NET_PROTOCOL] = {"the answer is no valid HTTP", S3_CLASS_TRANSIENT},
    [S3_NET_FILE] = {"the local file cannot be read in full", S3_CLASS_FILE},
};

static const char *const class_names[] = {
    [S3_CLASS_OK] = "ok",
    [S3_CLASS_TRANSIENT] = "transient",
    [S3_CLASS_THROTTLE] = "throttle",
    [S3_CLASS_SKEW] = "skew",
    [S3_CLASS_REGION] = "region",
    [S3_CLASS_RESTART] = "restart",
    [S3_CLASS_PRECONDITION] = "precondition",
    [S3_CLASS_FILE] = "file",
    [S3_CLASS_USER] = "user",
};

const char *s3_class_name(enum s3_class class)
{
    return class_names[class];
}

const char *
s3_net_words(enum s3_net net)
{
    return net_table[net].words;
}

const struct s3_code_row *
s3_retry_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(table);
    return table;
}

const struct s3_code_row *
s3_retry_find(const char *code)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].code, code) == 0)
            return &table[i];
    }
    return NULL;
}

static enum s3_class
class_of_status(int status)
{
    size_t i;

    if (status >= 200 && status < 300)
        return S3_CLASS_OK;
    for (i = 0; i < ARRAY_LEN(status_table); i++) {
        if (status_table[i].status == status)
            return status_table[i].class;
    }
    /* 501 and 505 will not go away by trying again. */
    return status >= 506 ? S3_CLASS_TRANSIENT : S3_CLASS_USER;
}

static enum s3_class
class_of_answer(const struct s3_answer *a, const struct s3_code_row *row)
{
    enum s3_class class;
    bool skewed = a->skew_ms > SKEW_LIMIT_MS || a->skew_ms < -SKEW_LIMIT_MS;

    if (a->net != S3_NET_OK)
        return net_table[a->net].class;
    class = row != NULL ? row->class : class_of_status(a->status);
    /* A HEAD has no code, so region and clock show only in the headers. */
    if (class == S3_CLASS_USER && a->other_region && a->code[0] == '\0' && a->status == 400)
        return S3_CLASS_REGION;
    if (class == S3_CLASS_USER && a->status == 403 && skewed && a->skews_tried == 0)
        return S3_CLASS_SKEW;
    if (strcmp(a->code, "ConditionalRequestConflict") == 0 && a->multipart)
        return S3_CLASS_RESTART;
    /* Ceph says so of an upload that was completed; the calls of an upload read no object. */
    if (strcmp(a->code, "NoSuchKey") == 0 && a->multipart)
        return S3_CLASS_RESTART;
    if (class == S3_CLASS_RESTART && !a->multipart)
        return S3_CLASS_USER;
    return class;
}

struct s3_verdict
s3_retry_decide(const struct s3_answer *a)
{
    const struct s3_code_row *row = a->net == S3_NET_OK ? s3_retry_find(a->code) : NULL;
    struct s3_verdict v = {.class = class_of_answer(a, row), .hint = row != NULL ? row->hint : ""};
    unsigned tries = a->attempts_max;

    if (row != NULL && row->tries != 0 && row->tries < tries)
        tries = row->tries;
    switch (v.class) {
    case S3_CLASS_TRANSIENT:
    case S3_CLASS_THROTTLE:
        v.again = a->attempt < tries;
        if (v.again)
            v.delay_ms = backoff_ms(a->attempt - 1, a->base_ms, a->cap_ms);
        else if (row != NULL && row->tries != 0 && a->attempt >= row->tries)
            v.class = row->after;
        break;
    case S3_CLASS_SKEW:
        v.again = v.free = a->skews_tried == 0 && a->skew_ms != 0;
        /* Our clock is not the user's fault, and clocks get repaired. */
        if (!v.again)
            v.class = S3_CLASS_TRANSIENT;
        break;
    case S3_CLASS_REGION:
        v.again = v.free = a->other_region && a->regions_tried < REGIONS_MAX;
        if (!v.again)
            v.class = S3_CLASS_USER;
        break;
    default:
        break;
    }
    return v;
}

bool
s3_retry_unanswered(enum s3_net net, int status, const char *code, bool body_sent)
{
    if (net == S3_NET_STALL || net == S3_NET_LOST || net == S3_NET_PROTOCOL)
        return body_sent;
    /* A server error without a code of refusal may come after the work was done. */
    return net == S3_NET_OK && status >= 500 && status != 501 && strcmp(code, "SlowDown") != 0;
}
