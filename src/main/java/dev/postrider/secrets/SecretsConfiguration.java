package dev.postrider.secrets;

import dev.postrider.database.LocalFolder;
import javax.sql.DataSource;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

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
    SecretBox secretBox(Secrets secrets, SecretsSettings settings) {
        return new SecretBox(secrets.encryptionKey(), Secrets.furtherKeys(settings));
    }

    /** After the migrations, which the pools wait for. */
    @Bean
    @ConditionalOnProperty("postrider.further-encryption-keys")
    ApplicationListener<ApplicationReadyEvent> resealing(SecretBox box, @Qualifier("operator") DataSource operator) {
        return event -> new Resealing(box, new JdbcTemplate(operator)).run();
    }
}
