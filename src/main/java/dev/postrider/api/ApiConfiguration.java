package dev.postrider.api;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.Limits;
import dev.postrider.secrets.Secrets;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** The Java behind the HTTP API. */
@Configuration(proxyBeanMethods = false)
public class ApiConfiguration {

    @Bean
    ApiKeys apiKeys(@Qualifier("admission") HikariDataSource admission) {
        return new ApiKeys(new JdbcTemplate(admission));
    }

    @Bean
    Contract contract() {
        return new Contract();
    }

    @Bean
    ApiOperations apiOperations(Contract contract, ProblemWriter problems, Limits limits) {
        return new ApiOperations(contract, problems, limits.payload().toBytes());
    }

    /** Makes a key; used by the route of the operation. */
    @Bean
    NewApiKey newApiKey(ObjectMapper mapper) {
        return new NewApiKey(mapper);
    }

    @Bean(initMethod = "make")
    GivenKeys givenKeys(Secrets secrets, @Qualifier("operator") HikariDataSource operator) {
        return new GivenKeys(secrets, new JdbcTemplate(operator));
    }
}
