// How Kraken shows an order and a trade (docs.kraken.com, "Account data").

import type { Order } from './orders.ts'

/** An entry of OpenOrders, ClosedOrders and QueryOrders. */
export function orderAnswer(order: Order): object {
  const price = order.price === undefined ? '0' : String(order.price)
  const filled = order.status === 'filled'
  return {
    refid: null,
    userref: order.userref === '' ? null : Number(order.userref),
    cl_ord_id: order.clientId === '' ? null : order.clientId,
    status: filled ? 'closed' : order.status === 'cancelled' ? 'canceled' : 'open',
    reason: order.status === 'cancelled' ? 'User requested' : null,
    opentm: order.createdWallMs / 1000,
    ...(order.closedWallMs > 0 && { closetm: order.closedWallMs / 1000 }),
    starttm: 0,
    expiretm: 0,
    descr: {
      pair: order.market.altname,
      type: order.side,
      ordertype: order.type,
      price,
      price2: '0',
      leverage: 'none',
      order: `${order.side} ${order.size.toFixed(8)} ${order.market.altname} @ ${order.type}${order.price ? ` ${price}` : ''}`,
      close: '',
    },
    vol: order.size.toFixed(8),
    vol_exec: filled ? order.size.toFixed(8) : '0.00000000',
    cost: (order.fillPrice * order.size).toFixed(5),
    fee: (order.fillPrice * order.size * 0.004).toFixed(5),
    price: order.fillPrice.toFixed(order.market.priceDecimals),
    stopprice: '0.00000',
    limitprice: '0.00000',
    misc: '',
    oflags: 'fciq',
  }
}

/** An entry of TradesHistory for a filled order. */
export function tradeAnswer(order: Order): object {
  return {
    ordertxid: order.id,
    postxid: `T${order.id.slice(1)}`,
    pair: order.market.krakenId,
    time: order.closedWallMs / 1000,
    type: order.side,
    ordertype: order.type,
    price: order.fillPrice.toFixed(order.market.priceDecimals),
    cost: (order.fillPrice * order.size).toFixed(5),
    fee: (order.fillPrice * order.size * 0.004).toFixed(5),
    vol: order.size.toFixed(8),
    margin: '0.00000',
    misc: '',
  }
}
