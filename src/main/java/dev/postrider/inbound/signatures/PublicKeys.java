package dev.postrider.inbound.signatures;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.List;

/** Signatures that a provider makes with a private key, and we verify with its public one. */
final class PublicKeys {

    private PublicKeys() {}

    /**
     * Whether one of the signatures was made with the key.
     *
     * @param key in the form of X.509 (SubjectPublicKeyInfo); one that cannot be read verifies nothing
     * @param parts what was signed, one after the other
     */
    static boolean verify(String family, String algorithm, byte[] key, List<byte[]> signatures, byte[]... parts) {
        PublicKey publicKey;
        try {
            publicKey = KeyFactory.getInstance(family).generatePublic(new X509EncodedKeySpec(key));
        } catch (GeneralSecurityException e) {
            return false;
        }
        for (byte[] signature : signatures) { // nothing here is secret: the first that is right ends it
            try {
                Signature verifier = Signature.getInstance(algorithm);
                verifier.initVerify(publicKey);
                for (byte[] part : parts) {
                    verifier.update(part);
                }
                if (verifier.verify(signature)) {
                    return true;
                }
            } catch (GeneralSecurityException e) {
                continue; // not even of a signature's form
            }
        }
        return false;
    }
}
