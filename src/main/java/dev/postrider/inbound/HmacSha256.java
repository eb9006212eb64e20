package dev.postrider.inbound;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The keyed hash that most schemes sign with, and its comparison in constant time. */
final class HmacSha256 {

    private HmacSha256() {}

    /** The hash of all parts, one after the other. */
    static byte[] of(byte[] key, byte[]... parts) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            for (byte[] part : parts) {
                mac.update(part);
            }
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has HmacSHA256", e);
        }
    }

    /** Whether one of the secrets, as UTF-8, makes one of the given hashes. */
    static boolean matches(List<String> secrets, List<byte[]> given, byte[]... parts) {
        boolean found = false;
        for (String secret : secrets) {
            byte[] expected = of(secret.getBytes(StandardCharsets.UTF_8), parts);
            for (byte[] hash : given) {
                // No early exit: the time says nothing about which of them it was.
                found |= MessageDigest.isEqual(expected, hash);
            }
        }
        return found;
    }
}
