package dev.postrider.mail;

import dev.postrider.testkit.Keytool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An authority of the tests and the certificates that it has signed, made by Java's own tool. */
final class Certificates {

    private static final String PASSWORD = "secret";

    private final Path folder;

    private Certificates(Path folder) {
        this.folder = folder;
    }

    static Certificates in(Path folder) {
        Certificates certificates = new Certificates(folder);
        certificates.keytool("authority", "-ext", "bc:c");
        return certificates;
    }

    /** What a server of this host shows, signed by the authority. */
    SSLContext server(String host) {
        return signed(host, "-signer", "authority", "-ext", "san=dns:" + host);
    }

    /** What a server of this host shows whom nobody knows. */
    SSLContext unknownServer(String host) {
        return signed("unknown-" + host, "-ext", "san=dns:" + host);
    }

    /** The authority's certificate in PEM. */
    Path authority() {
        try {
            String encoded = Base64.getMimeEncoder(64, new byte[] {'\n'})
                    .encodeToString(keys().getCertificate("authority").getEncoded());
            return Files.writeString(
                    folder.resolve("authority.pem"),
                    "-----BEGIN CERTIFICATE-----\n" + encoded + "\n-----END CERTIFICATE-----\n");
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private SSLContext signed(String alias, String... arguments) {
        try {
            keytool(alias, arguments);
            char[] password = PASSWORD.toCharArray();
            KeyStore one = KeyStore.getInstance("PKCS12");
            one.load(null, null);
            one.setKeyEntry(alias, keys().getKey(alias, password), password, keys().getCertificateChain(alias));
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(one, password);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private KeyStore keys() throws GeneralSecurityException, IOException {
        return KeyStore.getInstance(folder.resolve("keys.p12").toFile(), PASSWORD.toCharArray());
    }

    private void keytool(String alias, String... arguments) {
        Keytool.makeKey(folder.resolve("keys.p12"), PASSWORD, alias, arguments);
    }
}
