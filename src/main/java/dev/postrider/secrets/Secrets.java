package dev.postrider.secrets;

import dev.postrider.startup.StartupException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Knows every secret of this installation: those given in settings, those generated, those derived.
 *
 * <p>Immutable and safe for any thread. It has no readable {@code toString}.
 */
public final class Secrets {

    private static final int KEY_BYTES = 32;
    private static final String ENCRYPTION_KEY = "postrider.encryption-key";
    private static final SecureRandom RANDOM = new SecureRandom();

    private final byte[] encryptionKey;
    private final Optional<String> demoApiKey;
    private final Optional<String> operatorApiKey;
    private final String operatorUsername;
    private final Optional<String> operatorPassword;
    private final Optional<String> embeddedDatabasePassword;
    private final Optional<Path> file;
    private final Map<String, String> generatedNow;
    private final boolean firstStart;

    private Secrets(
            byte[] encryptionKey,
            Optional<String> demoApiKey,
            Optional<String> operatorApiKey,
            String operatorUsername,
            Optional<String> operatorPassword,
            Optional<String> embeddedDatabasePassword,
            Optional<Path> file,
            Map<String, String> generatedNow,
            boolean firstStart) {
        this.encryptionKey = encryptionKey;
        this.demoApiKey = demoApiKey;
        this.operatorApiKey = operatorApiKey;
        this.operatorUsername = operatorUsername;
        this.operatorPassword = operatorPassword;
        this.embeddedDatabasePassword = embeddedDatabasePassword;
        this.file = file;
        this.generatedNow = generatedNow;
        this.firstStart = firstStart;
    }

    /**
     * The given secrets only, as with a database of one's own.
     *
     * @throws StartupException without a valid encryption key: a generated one would differ on every node
     */
    static Secrets given(SecretsSettings settings) {
        if (settings.encryptionKey().isBlank()) {
            throw new StartupException(
                    "The setting %s is missing; with a database of your own it has to be given."
                            .formatted(ENCRYPTION_KEY),
                    "Generate one with \"openssl rand -base64 32\", keep it safe, and give the same to every node as %s"
                                    .formatted(ENCRYPTION_KEY)
                            + " (environment: POSTRIDER_ENCRYPTION_KEY). Without it stored secrets are lost.");
        }
        return new Secrets(
                decodeKey(settings.encryptionKey(), "The setting " + ENCRYPTION_KEY),
                optional(settings.demo().apiKey()),
                optional(settings.operator().apiKey()),
                settings.operator().username(),
                optional(settings.operator().password()),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                false);
    }

    /** The given secrets; those that are missing are generated once and kept in the file. */
    static Secrets generated(SecretsSettings settings, Path path) {
        SecretsFile file = SecretsFile.open(path);
        String key = choose(settings.encryptionKey(), file, ENCRYPTION_KEY, Secrets::newEncryptionKey);
        String keySource =
                settings.encryptionKey().isBlank() ? ENCRYPTION_KEY + " in " + path : "The setting " + ENCRYPTION_KEY;
        Secrets secrets = new Secrets(
                decodeKey(key, keySource),
                Optional.of(choose(settings.demo().apiKey(), file, "postrider.demo.api-key", Secrets::newApiKey)),
                Optional.of(
                        choose(settings.operator().apiKey(), file, "postrider.operator.api-key", Secrets::newApiKey)),
                settings.operator().username(),
                Optional.of(choose(
                        settings.operator().password(), file, "postrider.operator.password", () -> randomText(18))),
                Optional.of(file.getOrGenerate("postrider.database.password", () -> randomText(KEY_BYTES))),
                Optional.of(path),
                file.generated(),
                file.isNew());
        file.save();
        return secrets;
    }

    static List<byte[]> furtherKeys(SecretsSettings settings) {
        return settings.furtherEncryptionKeys().stream()
                .map(key -> decodeKey(key, "A key of the setting postrider.further-encryption-keys"))
                .toList();
    }

    private static String choose(String given, SecretsFile file, String name, Supplier<String> generator) {
        return given.isBlank() ? file.getOrGenerate(name, generator) : given;
    }

    /** A new API key: {@code prk_} and 32 random bytes in base64url. */
    public static String newApiKey() {
        return "prk_" + randomText(KEY_BYTES);
    }

    /** A copy of the key for secrets at rest: 32 bytes. */
    public byte[] encryptionKey() {
        return encryptionKey.clone();
    }

    /** The demo workspace's API key; the demo workspace exists where there is one. */
    public Optional<String> demoApiKey() {
        return demoApiKey;
    }

    public Optional<String> operatorApiKey() {
        return operatorApiKey;
    }

    /** The login to Hawtio. */
    public String operatorUsername() {
        return operatorUsername;
    }

    /** The password to Hawtio; without one nobody can log in. */
    public Optional<String> operatorPassword() {
        return operatorPassword;
    }

    /** The embedded server's superuser password; empty with a database of one's own. */
    public Optional<String> embeddedDatabasePassword() {
        return embeddedDatabasePassword;
    }

    /** The file with the generated secrets, if any are. */
    public Optional<Path> file() {
        return file;
    }

    /** What was generated at this start and so has to be shown once, by the names of the settings. */
    public Map<String, String> generatedNow() {
        return generatedNow;
    }

    /** Whether nothing was kept from an earlier start. */
    public boolean firstStart() {
        return firstStart;
    }

    /** The password of a database role's login, derived from the encryption key: the same on every node and start. */
    public String rolePassword(String role) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(encryptionKey, "HmacSHA256"));
            byte[] derived = mac.doFinal(("postrider role password: " + role).getBytes(StandardCharsets.UTF_8));
            return Base64.getUrlEncoder().withoutPadding().encodeToString(derived);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has HmacSHA256", e);
        }
    }

    private static String newEncryptionKey() {
        byte[] bytes = new byte[KEY_BYTES];
        RANDOM.nextBytes(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static String randomText(int length) {
        byte[] bytes = new byte[length];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static Optional<String> optional(String text) {
        return text.isBlank() ? Optional.empty() : Optional.of(text);
    }

    private static byte[] decodeKey(String text, String what) {
        String action =
                "Give 32 random bytes in base64 (44 characters): \"openssl rand -base64 32\" prints such a key.";
        try {
            byte[] key = Base64.getDecoder().decode(text.strip());
            if (key.length == KEY_BYTES) {
                return key;
            }
            throw new StartupException(
                    "%s decodes to %d bytes; it has to be %d.".formatted(what, key.length, KEY_BYTES), action);
        } catch (IllegalArgumentException e) {
            throw new StartupException("%s is not base64.".formatted(what), action, e);
        }
    }
}
