package dev.postrider.outbound;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.apache.hc.core5.ssl.SSLContexts;
import org.springframework.boot.ssl.pem.PemContent;

/**
 * A certificate that an endpoint wants to see, and its key.
 *
 * @param chain the certificate first
 */
record ClientCertificate(List<X509Certificate> chain, PrivateKey key) {

    /**
     * @param pem the certificate, those that signed it, and the key without a password, in PEM
     * @throws IllegalArgumentException if that is not what it is, in words for the caller of the API
     */
    static ClientCertificate parse(String pem) {
        List<X509Certificate> chain;
        PrivateKey key;
        try {
            PemContent content = PemContent.of(pem);
            chain = content.getCertificates();
            key = content.getPrivateKey();
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "cannot be read: give a certificate chain and its key, without a password, in PEM", e);
        }
        if (!belongTogether(chain.get(0), key)) {
            throw new IllegalArgumentException("holds a key that is not its first certificate's");
        }
        return new ClientCertificate(chain, key);
    }

    private static boolean belongTogether(X509Certificate certificate, PrivateKey key) {
        String algorithm = switch (key.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> key.getAlgorithm();
        };
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** Whose it is and until when, for people. */
    String description() {
        X509Certificate first = chain.get(0);
        return "%s, until %s"
                .formatted(
                        first.getSubjectX500Principal().getName(),
                        first.getNotAfter().toInstant());
    }

    /** Trusts what this machine trusts. */
    SSLContext context() {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("client", key, new char[0], chain.toArray(X509Certificate[]::new));
            return SSLContexts.custom().loadKeyMaterial(store, new char[0]).build();
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("The client certificate cannot be used: " + e.getMessage(), e);
        }
    }

    /** Never the key: records end up in logs. */
    @Override
    public String toString() {
        return description();
    }
}
