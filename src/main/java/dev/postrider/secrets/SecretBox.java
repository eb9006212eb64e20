package dev.postrider.secrets;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.InsecureSecretKeyAccess;
import com.google.crypto.tink.KeysetHandle;
import com.google.crypto.tink.RegistryConfiguration;
import com.google.crypto.tink.aead.AeadConfig;
import com.google.crypto.tink.aead.AesGcmKey;
import com.google.crypto.tink.aead.AesGcmParameters;
import com.google.crypto.tink.subtle.Hkdf;
import com.google.crypto.tink.util.SecretBytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/**
 * Encrypts the secrets that are kept in the database, each bound to its workspace and purpose.
 *
 * <p>AES-256-GCM by Tink. A sealed secret that is copied to another workspace, or used for another purpose, does not
 * open. Every sealed secret starts with the id of its key (Tink's prefix), so that two keys can be held while one
 * replaces the other. Immutable and safe for any thread.
 */
public final class SecretBox {

    /** What the signing secrets of a webhook's source are sealed for. */
    public static final String SOURCE = "webhook-source";
    /** What the signing secret of an endpoint is sealed for. */
    public static final String ENDPOINT = "endpoint signing secret";
    /** What an endpoint's header is sealed for, with its name behind. */
    public static final String HEADER = "endpoint header ";

    private static final int KEY_BYTES = 32;

    private final Aead aead;
    private final byte[] prefix;

    /** @param encryptionKey the only one that there is */
    public SecretBox(byte[] encryptionKey) {
        this(encryptionKey, List.of());
    }

    /**
     * @param encryptionKey the setting {@code postrider.encryption-key}: 32 bytes. What encrypts is derived from it,
     *     because passwords are derived from it too, and one key serves one algorithm.
     * @param further the setting {@code postrider.further-encryption-keys}: keys that open, and encrypt nothing
     */
    public SecretBox(byte[] encryptionKey, List<byte[]> further) {
        try {
            AeadConfig.register();
            AesGcmKey current = key(encryptionKey);
            prefix = current.getOutputPrefix().toByteArray();
            KeysetHandle.Builder keys =
                    KeysetHandle.newBuilder().addEntry(entry(current).makePrimary());
            for (byte[] one : further) {
                AesGcmKey other = key(one);
                if (!other.getIdRequirementOrNull().equals(current.getIdRequirementOrNull())) {
                    keys.addEntry(entry(other));
                }
            }
            aead = keys.build().getPrimitive(RegistryConfiguration.get(), Aead.class);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has AES-GCM and HMAC-SHA-256", e);
        }
    }

    private static KeysetHandle.Builder.Entry entry(AesGcmKey key) {
        return KeysetHandle.importKey(key).withFixedId(key.getIdRequirementOrNull());
    }

    private static AesGcmKey key(byte[] encryptionKey) throws GeneralSecurityException {
        if (encryptionKey.length != KEY_BYTES) {
            throw new IllegalArgumentException(
                    "The encryption key has %d bytes; it has to have %d.".formatted(encryptionKey.length, KEY_BYTES));
        }
        byte[] derived = derive(encryptionKey, "postrider secrets at rest", KEY_BYTES);
        // Positive, as Tink asks; derived, so that every node names the same key alike.
        int id = ByteBuffer.wrap(derive(encryptionKey, "postrider secrets at rest: key id", Integer.BYTES))
                        .getInt()
                | 1 << 30;
        return AesGcmKey.builder()
                .setParameters(AesGcmParameters.builder()
                        .setKeySizeBytes(KEY_BYTES)
                        .setIvSizeBytes(12)
                        .setTagSizeBytes(16)
                        .setVariant(AesGcmParameters.Variant.TINK)
                        .build())
                .setKeyBytes(SecretBytes.copyFrom(derived, InsecureSecretKeyAccess.get()))
                .setIdRequirement(id)
                .build();
    }

    /** Whether a sealed secret needs no further key. */
    boolean isCurrent(byte[] sealed) {
        return sealed.length > prefix.length && Arrays.equals(prefix, 0, prefix.length, sealed, 0, prefix.length);
    }

    /** The same secret, encrypted with the current key. */
    byte[] reseal(UUID workspaceId, String purpose, byte[] sealed) {
        return isCurrent(sealed) ? sealed : seal(workspaceId, purpose, open(workspaceId, purpose, sealed));
    }

    /** Encrypts a secret; the same secret never looks the same twice. */
    public byte[] seal(UUID workspaceId, String purpose, String secret) {
        try {
            return aead.encrypt(secret.getBytes(StandardCharsets.UTF_8), owner(workspaceId, purpose));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(
                    "The secret (%s) of workspace %s cannot be encrypted.".formatted(purpose, workspaceId), e);
        }
    }

    /**
     * Decrypts what {@link #seal} made for the same workspace and purpose.
     *
     * @throws UnreadableSecretException when it was sealed with another key, for another owner, or was changed
     */
    public String open(UUID workspaceId, String purpose, byte[] sealed) {
        try {
            return new String(aead.decrypt(sealed, owner(workspaceId, purpose)), StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            throw new UnreadableSecretException(workspaceId, purpose, e);
        }
    }

    private static byte[] owner(UUID workspaceId, String purpose) {
        return (workspaceId + " " + purpose).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] derive(byte[] key, String what, int bytes) throws GeneralSecurityException {
        return Hkdf.computeHkdf("HmacSha256", key, new byte[0], what.getBytes(StandardCharsets.UTF_8), bytes);
    }
}
