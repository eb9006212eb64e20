package dev.postrider.outbound;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.EdECPrivateKeySpec;
import java.security.spec.NamedParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signs what is delivered by Standard Webhooks, over {@code id.timestamp.body}: scheme v1 is HMAC-SHA-256, v1a is ed25519.
 */
final class WebhookSignature {

    private static final String PREFIX = "whsec_";
    private static final String PRIVATE_PREFIX = "whsk_";
    private static final String PUBLIC_PREFIX = "whpk_";
    private static final int SECRET_BYTES = 32;
    private static final int ED25519_BYTES = 32;
    private static final SecureRandom RANDOM = new SecureRandom();

    private WebhookSignature() {}

    /** A new secret of scheme v1: {@code whsec_} and 32 random bytes in base64. */
    static String newSecret() {
        byte[] secret = new byte[SECRET_BYTES];
        RANDOM.nextBytes(secret);
        return PREFIX + base64(secret);
    }

    /** A new secret of scheme v1a: {@code whsk_} and an ed25519 key, the seed and the public key behind it, in base64. */
    static String newPrivateKey() {
        try {
            KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            byte[] seed = ((EdECPrivateKey) pair.getPrivate()).getBytes().orElseThrow();
            byte[] encoded = pair.getPublic().getEncoded(); // X.509: the key's 32 bytes are its last
            byte[] both = Arrays.copyOf(seed, 2 * ED25519_BYTES);
            System.arraycopy(encoded, encoded.length - ED25519_BYTES, both, ED25519_BYTES, ED25519_BYTES);
            return PRIVATE_PREFIX + base64(both);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Java has had Ed25519 since version 15", e);
        }
    }

    /** What verifies signatures of a secret: {@code whpk_} and base64; null for scheme v1, which the secret verifies. */
    static String publicKey(String secret) {
        if (!secret.startsWith(PRIVATE_PREFIX)) {
            return null;
        }
        byte[] both = decode(secret, PRIVATE_PREFIX);
        return PUBLIC_PREFIX + base64(Arrays.copyOfRange(both, ED25519_BYTES, 2 * ED25519_BYTES));
    }

    /** The value of the header {@code webhook-signature}: one signature for each secret, separated by spaces. */
    static String sign(List<String> secrets, String id, long timestamp, String body) {
        return secrets.stream().map(secret -> sign(secret, id, timestamp, body)).collect(Collectors.joining(" "));
    }

    /**
     * One signature, with its scheme before it.
     *
     * @param secret base64, with {@code whsk_} for v1a, or with or without {@code whsec_} for v1
     * @param id the header {@code webhook-id}; without a dot, which separates the signed parts
     * @param timestamp the header {@code webhook-timestamp}: unix seconds
     * @param body exactly what is sent, in UTF-8
     * @throws IllegalArgumentException if the secret is empty or not base64
     */
    static String sign(String secret, String id, long timestamp, String body) {
        byte[] signed = (id + "." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8);
        try {
            if (secret.startsWith(PRIVATE_PREFIX)) {
                byte[] seed = Arrays.copyOf(decode(secret, PRIVATE_PREFIX), ED25519_BYTES);
                Signature signature = Signature.getInstance("Ed25519");
                signature.initSign(KeyFactory.getInstance("Ed25519")
                        .generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, seed)));
                signature.update(signed);
                return "v1a," + base64(signature.sign());
            }
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(decode(secret, PREFIX), "HmacSHA256"));
            return "v1," + base64(mac.doFinal(signed));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has HMAC-SHA-256 and Ed25519", e);
        }
    }

    private static byte[] decode(String secret, String prefix) {
        return Base64.getDecoder().decode(secret.startsWith(prefix) ? secret.substring(prefix.length()) : secret);
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
