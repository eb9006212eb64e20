package dev.postrider.mail;

import java.time.Duration;
import java.util.Set;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The settings {@code postrider.mail.*}: the server that takes the mails of {@code email-dispatch}.
 *
 * @param host the server's name; default: none, and no mail can be sent
 * @param port default: 587 for {@code starttls}, 465 for {@code tls}, 25 for {@code none}
 * @param security {@code starttls}, {@code tls} from the first byte, or {@code none}
 * @param username default: no login
 * @param password belongs to the username
 * @param localName what this host calls itself to the server; default: its name
 * @param from the sender of mails that name none
 * @param senderDomains the domains that mails which name their sender may name, beside that of {@code from}
 * @param attachments how large the attachments of a mail may be together
 * @param timeout how long the server may say nothing
 * @param sslBundle the Spring Boot SSL bundle that says whom to trust; default: whom Java trusts
 */
@ConfigurationProperties("postrider.mail")
public record MailSettings(
        String host,
        Integer port,
        @DefaultValue("starttls") String security,
        String username,
        String password,
        String localName,
        String from,
        @DefaultValue Set<String> senderDomains,
        @DefaultValue("7MB") DataSize attachments,
        @DefaultValue("2m") Duration timeout,
        String sslBundle) {

    /** Never the password: records end up in logs. */
    @Override
    public String toString() {
        return "MailSettings[host=%s, port=%s, security=%s, username=%s, from=%s]"
                .formatted(host, port, security, username, from);
    }
}
