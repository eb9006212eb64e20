package dev.postrider.api;

import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.secrets.Secrets;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** The Java behind the HTTP API. */
@Configuration(proxyBeanMethods = false)
public class ApiConfiguration {

    @Bean
    ApiKeys apiKeys(@Qualifier("dispatcher") HikariDataSource dispatcher) {
        return new ApiKeys(new JdbcTemplate(dispatcher));
    }

    @Bean(initMethod = "make")
    GivenKeys givenKeys(Secrets secrets, @Qualifier("operator") HikariDataSource operator) {
        return new GivenKeys(secrets, new JdbcTemplate(operator));
    }
}
