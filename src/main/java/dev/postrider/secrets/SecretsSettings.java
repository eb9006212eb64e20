package dev.postrider.secrets;

import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The secrets that a user may give in settings; a text that is not given is empty.
 *
 * @param encryptionKey {@code postrider.encryption-key}: 32 bytes in base64, the same on all nodes
 * @param furtherEncryptionKeys {@code postrider.further-encryption-keys}: keys that open what was encrypted with them
 * @param demo {@code postrider.demo.*}: the demo workspace
 * @param operator {@code postrider.operator.*}: who may operate
 */
@ConfigurationProperties("postrider")
record SecretsSettings(
        @DefaultValue("") String encryptionKey,
        @DefaultValue List<String> furtherEncryptionKeys,
        @DefaultValue Demo demo,
        @DefaultValue Operator operator) {

    /** @param apiKey the demo workspace's API key */
    record Demo(@DefaultValue("") String apiKey) {}

    /**
     * @param apiKey the operators' API key
     * @param username the login to Hawtio
     * @param password its password
     */
    record Operator(
            @DefaultValue("") String apiKey,
            @DefaultValue("operator") String username,
            @DefaultValue("") String password) {}
}
