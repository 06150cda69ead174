// The one action of the model: it sets the flag and answers with the partner.
const cds = require('@sap/cds')

class API_BUSINESS_PARTNER extends cds.ApplicationService {
  init () {
    const { A_BusinessPartner } = this.entities
    this.on('block', async ({ data: { BusinessPartner } }) => {
      await UPDATE(A_BusinessPartner, BusinessPartner).with({ BusinessPartnerIsBlocked: true })
      return SELECT.one(A_BusinessPartner, BusinessPartner)
    })
    return super.init()
  }
}

module.exports = { API_BUSINESS_PARTNER }
