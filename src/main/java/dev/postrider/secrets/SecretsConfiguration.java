package dev.postrider.secrets;

import dev.postrider.database.LocalFolder;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Provides the {@link Secrets}, generated where there is a local folder to keep them in, otherwise only those given; and
 * the {@link SecretBox} that encrypts with their key.
 */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(SecretsSettings.class)
public class SecretsConfiguration {

    @Bean
    Secrets secrets(SecretsSettings settings, ObjectProvider<LocalFolder> folder) {
        LocalFolder local = folder.getIfAvailable();
        return local == null
                ? Secrets.given(settings)
                : Secrets.generated(settings, local.path().resolve("secrets.properties"));
    }

    @Bean
    SecretBox secretBox(Secrets secrets) {
        return new SecretBox(secrets.encryptionKey());
    }
}
