package dev.postrider.inbound.signatures;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Keyed hashes, and their comparison in constant time. */
final class Hmac {

    private Hmac() {}

    /**
     * Whether a key makes one of the given hashes of all parts, one after the other.
     *
     * @param algorithm as Java names it, such as HmacSHA256; every platform has those that are used here
     */
    static boolean matches(String algorithm, byte[] key, List<byte[]> given, byte[]... parts) {
        byte[] expected;
        try {
            Mac mac = Mac.getInstance(algorithm);
            mac.init(new SecretKeySpec(key, algorithm));
            for (byte[] part : parts) {
                mac.update(part);
            }
            expected = mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("This Java platform has no " + algorithm, e);
        }
        boolean found = false;
        for (byte[] hash : given) {
            found |= MessageDigest.isEqual(expected, hash); // no early exit: the time says nothing about which it was
        }
        return found;
    }
}
