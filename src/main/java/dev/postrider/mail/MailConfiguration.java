package dev.postrider.mail;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.routes.RoutesProperties;
import java.nio.file.Path;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Gives the route {@code email-dispatch} what YAML cannot say: the mail, and the server that takes it. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(MailSettings.class)
public class MailConfiguration {

    @Bean
    MailServer mailServer(MailSettings settings, SslBundles bundles) {
        return new MailServer(settings, bundles);
    }

    @Bean
    MailMessages mailMessages(MailSettings settings, MailServer server, RoutesProperties routes, ObjectMapper json) {
        return new MailMessages(
                server.getSession(),
                MailServer.sender(settings),
                MailServer.senderDomains(settings),
                settings.attachments(),
                new MailTemplates(Path.of(routes.directory())),
                json);
    }
}
